package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Process runs a proxy from a configuration file and reloads it by a signal. A pod's two streams are
// shared with it, so that its log lines are the container's log.
type Process struct {
	Binary         string                       // path of the proxy
	Config         string                       // path of the file that Load writes
	Args           func(config string) []string // arguments to run it in the foreground
	Check          func(config string) []string // arguments to check a configuration only
	Reload         syscall.Signal               // makes it read the file again and let old workers finish
	Quit           syscall.Signal               // makes it finish what is in flight and exit
	Stdout, Stderr io.Writer

	mu   sync.Mutex
	text string
	cmd  *exec.Cmd
	done chan error
}

// Load makes the proxy use a configuration; the same one again costs nothing. A configuration that the
// proxy's own check refuses leaves the running one alone.
func (p *Process) Load(ctx context.Context, text string) (changed bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if text == p.text {
		return false, nil
	}
	if err := p.check(ctx, text); err != nil {
		return false, err
	}
	if err := os.WriteFile(p.Config, []byte(text), 0o600); err != nil {
		return false, fmt.Errorf("write configuration: %w", err)
	}
	p.text = text
	if p.cmd == nil {
		return true, p.start()
	}
	if err := p.cmd.Process.Signal(p.Reload); err != nil {
		return false, fmt.Errorf("reload %s: %w", filepath.Base(p.Binary), err)
	}
	return true, nil
}

func (p *Process) check(ctx context.Context, text string) error {
	trial := p.Config + ".new"
	if err := os.WriteFile(trial, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	defer func() { _ = os.Remove(trial) }()                                            // a left-over is overwritten by the next check
	out, err := exec.CommandContext(ctx, p.Binary, p.Check(trial)...).CombinedOutput() //nolint:gosec // the lab's own binary
	if err != nil {
		return fmt.Errorf("check configuration: %w: %s", err, out)
	}
	return nil
}

// start leaves the process outside any context: it must outlive a cancelled one to finish its requests.
func (p *Process) start() error {
	p.cmd = exec.Command(p.Binary, p.Args(p.Config)...) //nolint:gosec,noctx // see the doc comment
	p.cmd.Stdout, p.cmd.Stderr = p.Stdout, p.Stderr
	p.done = make(chan error, 1)
	if err := p.cmd.Start(); err != nil {
		p.cmd = nil
		return fmt.Errorf("start %s: %w", filepath.Base(p.Binary), err)
	}
	go func() { p.done <- p.cmd.Wait(); close(p.done) }()
	return nil
}

// Done yields once the proxy has ended; it blocks before the first Load.
func (p *Process) Done() <-chan error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.done
}

// Stop asks the proxy to finish and kills it when it has not done so in time.
func (p *Process) Stop(patience time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return nil
	}
	if err := p.cmd.Process.Signal(p.Quit); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", filepath.Base(p.Binary), err)
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.done: //nolint:errcheck // it was told to end: how it did does not matter
	case <-timer.C:
		if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("kill %s: %w", filepath.Base(p.Binary), err)
		}
		<-p.done //nolint:errcheck // it was killed
	}
	return nil
}
