package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/gatemend/gatemend/lab/cluster/netns"
	"github.com/gatemend/gatemend/lab/cluster/process"
)

// pollEvery is how often readiness is asked for.
const pollEvery = 50 * time.Millisecond

// start runs a component unless it runs. It is detached: it outlives this
// process and does not hear the terminal's signals.
func (c *Cluster) start(path string, what component) error {
	_, running, err := process.Running(c.layout.record(what.name))
	if err != nil || running {
		return err
	}
	log, err := os.OpenFile(c.layout.log(what.name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("open log of %s: %w", what.name, err)
	}
	defer log.Close()
	cmd := exec.Command(path, what.args...) //nolint:noctx // no context ends it: it outlives this process
	cmd.Dir = c.layout.dir
	cmd.Env = c.environment()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := netns.Do(netns.Path(what.node.Namespace), cmd.Start); err != nil {
		return fmt.Errorf("start %s: %w", what.name, err)
	}
	record, err := process.Observe(cmd.Process.Pid)
	// Collected when it ends, for as long as this process lives: the component
	// outlives it on purpose, so nobody waits for the goroutine.
	go func() { _ = cmd.Wait() }()
	if err != nil {
		return c.died(what.name, err)
	}
	return record.Write(c.layout.record(what.name))
}

// environment is what the components see: little, and the mark by which they
// and their children are found again.
func (c *Cluster) environment() []string {
	return []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=" + c.layout.dir,
		process.Marker + "=" + c.layout.dir,
	}
}

// await asks ready until it has no complaint. It gives up when ctx ends or
// when the named component, on which the answer depends, is no longer there.
func (c *Cluster) await(ctx context.Context, component string, ready func(context.Context) error) error {
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		_, running, recordErr := process.Running(c.layout.record(component))
		if recordErr != nil {
			return recordErr
		}
		if !running {
			return c.died(component, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w: %w\n%s", component, context.Cause(ctx), err, c.lastLog(component))
		case <-time.After(pollEvery):
		}
	}
}

// errDied says that a component ended by itself.
var errDied = errors.New("it ended")

// died describes the end of a component by the last lines of its log.
func (c *Cluster) died(component string, cause error) error {
	return fmt.Errorf("run %s: %w (%w); its log ends:\n%s", component, errDied, cause, c.lastLog(component))
}

// lastLog returns the end of a component's log, indented.
func (c *Cluster) lastLog(component string) string {
	const size, lines = 16 << 10, 12
	data, err := os.ReadFile(c.layout.log(component))
	if err != nil {
		return "  (no log)"
	}
	data = data[max(0, len(data)-size):]
	all := strings.Split(string(bytes.TrimSpace(data)), "\n")
	return "  " + strings.Join(all[max(0, len(all)-lines):], "\n  ")
}
