package cluster

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/gatemend/gatemend/lab/binary"
	"github.com/gatemend/gatemend/lab/cluster/process"
)

// shutPatience is how long a part of the control plane may take to end in order.
const shutPatience = 5 * time.Second

// Halt stops a part of the control plane where it stands: its connections stay open, and nobody answers on them.
func (c *Cluster) Halt(component string) error { return c.signal(component, syscall.SIGSTOP) }

// Proceed undoes Halt.
func (c *Cluster) Proceed(component string) error { return c.signal(component, syscall.SIGCONT) }

func (c *Cluster) signal(component string, s syscall.Signal) error {
	record, running, err := process.Running(c.layout.record(component))
	if err != nil {
		return err
	}
	if !running {
		return fmt.Errorf("%s does not run", component)
	}
	return record.Signal(s)
}

// StopAPIServer ends the API server, whose clients are refused from then on.
func (c *Cluster) StopAPIServer() error {
	record, running, err := process.Running(c.layout.record(apiServer(c.layout, false).name))
	if err != nil || !running {
		return err
	}
	return record.Stop(shutPatience)
}

// StartAPIServer undoes StopAPIServer, and returns when the API server answers.
func (c *Cluster) StartAPIServer(ctx context.Context) error {
	what := apiServer(c.layout, c.spec.Audit)
	store, err := binary.Open("", ".", c.log)
	if err != nil {
		return err
	}
	programs, err := store.Ensure(ctx, what.program)
	if err != nil {
		return err
	}
	if err := c.start(programs[what.program], what); err != nil {
		return err
	}
	return c.await(ctx, what.name, c.apiReady)
}
