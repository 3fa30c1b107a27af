package cli

import (
	"io"
	"sync/atomic"
	"time"
)

const (
	// patience is how long whoever writes to an outlet waits for its reader.
	patience = 2 * time.Second
	// waitingPrints is how many pieces of output wait for a reader that is slow.
	waitingPrints = 1024
)

// outlet writes to a reader that may stop reading: a terminal that was stopped, a pipe into a program that hangs. Who
// prints waits for the reader a moment, and then goes on without, since repairs must not stand still because nobody looks.
type outlet struct {
	out   io.Writer
	queue chan piece
	late  atomic.Bool  // the reader has let somebody wait in vain, and has not caught up
	lost  atomic.Int64 // pieces for which there was no room
	sorry func(lost int64) func(io.Writer) error
	done  chan struct{}
}

// piece is something to print, and where it is said how that went.
type piece struct {
	print  func(io.Writer) error
	result chan error
}

// newOutlet begins to write. sorry tells the reader what it missed. The outlet must be closed.
func newOutlet(out io.Writer, sorry func(lost int64) func(io.Writer) error) *outlet {
	o := &outlet{out: out, queue: make(chan piece, waitingPrints), sorry: sorry, done: make(chan struct{})}
	go o.run() // ends when the outlet is closed and its reader has read all, or with the program
	return o
}

// print prints in order. It returns when that is done, or when the reader has kept it waiting for too long. An error of
// what was printed late is that of the next call.
func (o *outlet) print(print func(io.Writer) error) error {
	p := piece{print, make(chan error, 1)}
	select {
	case o.queue <- p:
	default:
		o.lost.Add(1)
		return nil
	}
	if o.late.Load() {
		return nil
	}
	wait := time.NewTimer(patience)
	defer wait.Stop()
	select {
	case err := <-p.result:
		return err
	case <-wait.C:
		o.late.Store(true)
		return nil
	}
}

// close prints what still waits, if its reader takes it.
func (o *outlet) close() {
	close(o.queue)
	wait := time.NewTimer(patience)
	defer wait.Stop()
	select {
	case <-o.done:
	case <-wait.C:
	}
}

func (o *outlet) run() {
	defer close(o.done)
	var failed error
	for p := range o.queue {
		if failed == nil {
			if n := o.lost.Swap(0); n > 0 {
				failed = o.sorry(n)(o.out)
			}
		}
		if failed == nil {
			failed = p.print(o.out)
		}
		p.result <- failed
		if len(o.queue) == 0 || failed != nil {
			o.late.Store(false)
		}
	}
}
