package nodefile

import (
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

// maxLine is the longest line that is read; longer ones are passed over and counted.
const maxLine = 256 << 10

// Container is whose log a file is, as the file's path tells.
type Container struct {
	Namespace, Pod, Name string // all empty for a file that is not in the kubelet's layout
	Path                 string
}

// Gateway is what a log is read as.
type Gateway struct {
	Pod    model.Ref // zero if it is not known
	Parser proxy.Parser
	// Count begins to count the log in place of Parser, once it could be opened: no signals are made of it. nil: Parser reads it.
	Count func() Counter
}

// Counter takes in the lines of one log.
type Counter interface {
	// Take counts a line and says what it is; stamp is when the node got it. It must not keep the line.
	Take(line []byte, stamp time.Time) proxy.Class
	// Close says that there is no more of the log.
	Close()
}

// Options of following. Root, Want and Now must be set.
type Options struct {
	// Root is /var/log/pods, /var/log/containers, or a folder of files named *.log.
	Root string
	// Want says of a container whether it is a gateway. It is asked again and again about those of
	// which it says no, since pods may be not known yet.
	Want func(Container) (Gateway, bool)
	// Now is the clock.
	Now func() time.Time
	// Since is the time from which lines are wanted of logs that are there when following begins and have no
	// checkpoint; zero: all that is there.
	Since time.Time
	// Checkpoint is the file that keeps how far was read; empty: nothing is kept.
	Checkpoint string
	// Poll is how often files are looked at, whether or not inotify says something; 0 means 250 ms.
	Poll time.Duration
	// NoInotify makes looking the only way.
	NoInotify bool
	// MaxLogs is how many logs are followed at once; 0 means 512. Further ones stand in Unseen.
	MaxLogs int
}

func (o Options) withDefaults() Options {
	if o.Poll == 0 {
		o.Poll = 250 * time.Millisecond
	}
	if o.MaxLogs == 0 {
		o.MaxLogs = 512
	}
	return o
}

// Counts says how much was read so far.
type Counts struct {
	Lines    int64 // as the containers wrote them
	Requests int64 // access lines among them
	Errors   int64 // lines of error logs
	Foreign  int64 // lines that the parser does not know, or that are too long
	Rotated  int64 // how often reading went on in another file
	Gaps     int64 // how often something was gone before it was read
	Open     int   // logs that are followed now
}
