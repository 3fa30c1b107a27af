package podlog

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/gatemend/gatemend/internal/proxy/all"
)

// Options of following. The zero value follows every gateway pod in the cluster, from the start of its
// log.
type Options struct {
	// Namespace limits the pods that are looked for; empty: all namespaces.
	Namespace string
	// Want chooses among the gateway pods; nil: all.
	Want func(*corev1.Pod) bool
	// Pods watches pods already; nil: nobody does, and following lists and watches them itself.
	Pods Pods
	// Since is the time from which lines are wanted, also those of a container that was restarted since;
	// zero: all that there still are.
	Since time.Time
	// Formats are what people told of gateways' logs.
	Formats all.Formats
	// Buffer is how many signals wait for a slow reader before further ones are dropped and
	// counted; 0 means 8192.
	Buffer int
	// MaxStreams is how many logs are followed at once; 0 means 256. Further gateways stand in
	// Unseen until one that is followed goes, whose place they take.
	MaxStreams int
	// Later is how long a log is not opened, so that who reads it elsewhere can say so first; see [Follower.Rest].
	Later time.Duration
	// Retry is how long to wait before a log is opened again after it broke, doubled up to 8 times
	// that while it keeps failing, and up to 32 times where that will hardly pass by itself; 0 means 250 ms.
	Retry time.Duration
}

// Pods is somebody who watches all pods, so that they need not come over the wire and into memory twice.
type Pods interface {
	// OnPods has a handler told of every pod that there is, and of what becomes of them. The registration is nil, and why not
	// empty, while pods cannot be listed; the handler is told once they can.
	OnPods(h cache.ResourceEventHandler) (r cache.ResourceEventHandlerRegistration, why string)
}

func (o Options) withDefaults() Options {
	if o.Want == nil {
		o.Want = func(*corev1.Pod) bool { return true }
	}
	if o.Buffer == 0 {
		o.Buffer = 8192
	}
	if o.MaxStreams == 0 {
		o.MaxStreams = 256
	}
	if o.Retry == 0 {
		o.Retry = 250 * time.Millisecond
	}
	return o
}

// Counts says how much was read so far.
type Counts struct {
	Lines    int64 // complete lines that arrived, repeats after a reconnection left out
	Requests int64 // access lines among them
	Errors   int64 // lines of error logs
	Foreign  int64 // lines that no parser knows
	Dropped  int64 // signals that were lost because the reader was too slow
	Gaps     int64 // how often lines may be lost, as a log did not go on where it was read to
	Reopened int64 // how often a log was opened again
	Open     int   // logs that are followed now
}
