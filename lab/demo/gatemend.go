package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"time"

	"github.com/gatemend/gatemend/lab/cluster"
	"github.com/gatemend/gatemend/lab/manifest"
)

// stopWithin is how long gatemend may take to end after an interrupt.
const stopWithin = 15 * time.Second

// gatemend is a running `gatemend watch --fix`.
type gatemend struct {
	cmd  *exec.Cmd
	done chan error
}

// unattended is how gatemend is told to mend by itself: also what takes a person's yes, where a person agrees in advance.
func unattended(agreed bool) []string {
	args := []string{"watch", "--fix", "--yes"}
	if agreed {
		args = append(args, "--approve", "all")
	}
	return args
}

// watch starts gatemend in the cluster's network, as a user of its own. It prints to out; events go to a file.
func watch(ctx context.Context, c *cluster.Cluster, program string, args []string, eventsFile, journal string, out io.Writer) (*gatemend, error) {
	cmd, err := c.Command(ctx, slices.Concat([]string{program}, args, []string{"--as", manifest.User, "--max-changes", "100", "--events", eventsFile, "--journal", journal})...)
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = stopWithin
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start gatemend: %w", err)
	}
	g := &gatemend{cmd: cmd, done: make(chan error, 1)}
	go func() { g.done <- cmd.Wait() }()
	return g, nil
}

// ended gives the error with which gatemend stopped by itself, nil while it runs.
func (g *gatemend) ended() error {
	select {
	case err := <-g.done:
		g.done <- err
		return fmt.Errorf("gatemend stopped: %w", errors.Join(errors.New("it should watch until it is told to stop"), err))
	default:
		return nil
	}
}

// stop interrupts gatemend, as Ctrl-C does, and waits for its end.
func (g *gatemend) stop() {
	// It may have ended already; there is nothing to do then.
	_ = g.cmd.Process.Signal(os.Interrupt)
	select {
	case err := <-g.done:
		g.done <- err
	case <-time.After(stopWithin):
		_ = g.cmd.Process.Kill()
		g.done <- <-g.done
	}
}
