package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"time"

	"github.com/gatemend/gatemend/internal/early"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/source/kube"
)

// measureModel times the model itself, in this process, with the code and on the objects that the controller has: reading
// and walking all routes, and bringing both up to date after a change.
func (p *plane) measureModel(ctx context.Context, r *report) error {
	clients, err := kube.Connect(p.admin)
	if err != nil {
		return err
	}
	w, err := kube.Watch(ctx, clients, kube.Options{Now: time.Now})
	if err != nil {
		return err
	}
	defer w.Stop()
	w.Snapshot()
	if p.bench.profile {
		stop, err := profileSelf(filepath.Join(p.bench.dir, "model-cpu.pprof"))
		if err != nil {
			return err
		}
		defer stop()
	}
	began, before := time.Now(), usageOf(os.Getpid())
	m := path.New(w.Snapshot())
	for _, route := range m.Routes() {
		m.WalkRoute(route)
	}
	r.whole, r.walking = time.Since(began), usageOf(os.Getpid()).since(before)
	const rounds = 40
	for len(r.steps) < rounds {
		select {
		case <-w.Changed():
		case <-time.After(time.Minute):
			return errors.New("nothing changes")
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		began := time.Now()
		next := m.Next(w.Snapshot())
		early.Compare(m, next)
		r.steps = append(r.steps, time.Since(began))
		m = next
	}
	if len(m.Routes()) == 0 {
		return fmt.Errorf("there are no routes")
	}
	return nil
}

// profileSelf profiles this process until it is stopped.
func profileSelf(file string) (stop func(), err error) {
	out, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(out); err != nil {
		return nil, errors.Join(err, out.Close())
	}
	return func() {
		pprof.StopCPUProfile()
		_ = out.Close() // a profile that is cut off shows itself
	}, nil
}
