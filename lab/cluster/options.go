package cluster

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"

	"github.com/gatemend/gatemend/lab/binary"
)

// ErrUnsuited says that the lab cannot run on this machine or as this user.
var ErrUnsuited = errors.New("the lab cannot run here")

// Options says what Up makes.
type Options struct {
	// Name is the cluster's name; "" means DefaultName.
	Name string
	// Nodes is how many nodes are wanted at least, at most MaxNodes. 0 means
	// what is there, or 1.
	Nodes int
	// Images are the lab's images to bring to every node, by the names that
	// Images lists. The pause image always is.
	Images []string
	// Audit makes the API server write an audit log. It takes effect when the
	// cluster is made.
	Audit bool
	// KeepOrphans lets the pods of a node that is gone be, for as long as it is gone: nothing else can be
	// repeated within a minute, see controllers. It takes effect when the cluster is made.
	KeepOrphans bool
	// LogSize is how large a container's log grows, as a quantity of bytes, before the kubelet rotates
	// it, which then looks every 3 s and keeps a hundred files; "" means the kubelet's defaults. It takes
	// effect when the cluster is made.
	LogSize string
	// Store holds the programs. Nil means the default one, for the source
	// found at or above the working directory.
	Store *binary.Store
	// Log receives lines of progress; nil means none.
	Log io.Writer
}

// check refuses what would fail later, half way.
func (o Options) check() error {
	if o.Nodes < 0 || o.Nodes > MaxNodes {
		return fmt.Errorf("%w: %d nodes: want 1 to %d", ErrBadOption, o.Nodes, MaxNodes)
	}
	for _, name := range o.Images {
		if _, ok := stocks()[name]; !ok {
			return fmt.Errorf("%w: image %q: want some of %s", ErrBadOption, name, strings.Join(Images(), ", "))
		}
	}
	return nil
}

// Check says, by an error that is ErrUnsuited, what is missing for Up and
// Down. It changes nothing.
func Check() error {
	if runtime.GOOS != "linux" {
		return fmt.Errorf("%w: it needs Linux (network namespaces, cgroups, containerd); this is %s", ErrUnsuited, runtime.GOOS)
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("%w: it needs root to make network namespaces and run containers; run it with sudo", ErrUnsuited)
	}
	return nil
}

// lockedWriter lets several goroutines write whole lines; a nil writer drops
// them.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

// Write passes the data on.
func (l *lockedWriter) Write(data []byte) (int, error) {
	if l.w == nil {
		return len(data), nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(data)
}
