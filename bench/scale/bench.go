package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// bench is what is measured, and with what.
type bench struct {
	gatemend string
	programs map[string]string // path by name
	size     size
	idle     time.Duration
	storm    int
	soak     time.Duration // 0: everything else is measured
	dir      string
	profile  bool
	out      io.Writer
}

// paths sorts the paths of programs by their names.
func paths(list string) map[string]string {
	out := map[string]string{}
	for _, p := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' }) {
		out[filepath.Base(p)] = p
	}
	return out
}

func (b *bench) logf(format string, args ...any) {
	fmt.Fprintf(b.out, "%s "+format+"\n", append([]any{time.Now().UTC().Format("15:04:05")}, args...)...)
}

// run makes the cluster, measures, and prints a table.
func (b *bench) run(ctx context.Context) error {
	if b.dir == "" {
		dir, err := os.MkdirTemp("", "gatemend-scale-")
		if err != nil {
			return fmt.Errorf("make a folder: %w", err)
		}
		defer func() { _ = os.RemoveAll(dir) }() // what is left of it is the system's to clear
		b.dir = dir
	} else if err := os.MkdirAll(b.dir, 0o750); err != nil {
		return fmt.Errorf("make the folder of -dir: %w", err)
	}
	for _, name := range []string{"etcd", "kube-apiserver", "kube-controller-manager", "kwok"} {
		if b.programs[name] == "" {
			return fmt.Errorf("no path of %s: give -programs \"$(bin/lab binaries)\"", name)
		}
	}
	p, err := startPlane(ctx, b)
	if err != nil {
		return err
	}
	defer p.stop()
	if err := p.fill(ctx); err != nil {
		return err
	}
	if b.soak > 0 {
		return b.measureSoak(ctx, p)
	}
	r, err := b.measure(ctx, p)
	if r != nil {
		r.print(b.out)
	}
	return err
}

// measure runs gatemend on a cluster that is full.
func (b *bench) measure(ctx context.Context, p *plane) (*report, error) {
	r := &report{size: b.size}
	churn := p.startChurn(ctx)
	defer churn.stop()
	if err := b.measureIdle(ctx, p, r); err != nil {
		return r, fmt.Errorf("measure under churn: %w", err)
	}
	if err := p.measureModel(ctx, r); err != nil {
		return r, fmt.Errorf("measure the model: %w", err)
	}
	r.churned = churn.count()
	if b.storm == 0 {
		return r, r.broken()
	}
	if err := b.measureStorm(ctx, p, r); err != nil {
		return r, fmt.Errorf("measure a storm: %w", err)
	}
	return r, errors.Join(r.broken(), churn.failure())
}

// measureIdle runs the controller in mode observe while pods come and go, with kube-state-metrics beside it.
func (b *bench) measureIdle(ctx context.Context, p *plane, r *report) error {
	c, err := p.startController(ctx, "observe")
	if err != nil {
		return err
	}
	defer c.stop()
	if r.synced, err = c.awaitSync(ctx); err != nil {
		return err
	}
	r.syncing = c.usage()
	b.logf("gatemend has read the cluster within %s", r.synced.Round(10*time.Millisecond))
	peer, err := p.startStateMetrics(ctx)
	if err != nil {
		return err
	}
	if peer != nil {
		defer peer.stop()
	}
	if err := sleep(ctx, b.idle/4); err != nil { // what starting left behind is collected
		return err
	}
	began := time.Now()
	ours, theirs := c.usage(), peer.usage()
	if b.profile {
		go c.profile(ctx, "cpu", fmt.Sprintf("profile?seconds=%d", int(b.idle.Seconds()/2)))
	}
	if err := sleep(ctx, b.idle); err != nil {
		return err
	}
	took := time.Since(began)
	ours, theirs = c.usage().since(ours), peer.usage().since(theirs)
	r.ours, r.theirs, r.window = ours, theirs, took
	if b.profile {
		c.profile(ctx, "heap", "heap?gc=1")
	}
	if r.calls, err = p.calls(began); err != nil {
		return err
	}
	if r.startCalls, err = p.callsBefore(began); err != nil {
		return err
	}
	r.deaths, err = p.measureDeaths(ctx, c)
	return err
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
