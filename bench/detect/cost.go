package main

import (
	"fmt"
	"io"
	"runtime"
	"syscall"
	"time"

	"github.com/gatemend/gatemend/internal/detect"
	"github.com/gatemend/gatemend/internal/model"
)

// cost prints memory and speed with 100,000 routes.
func (b bench) cost(w io.Writer) error {
	const routes, signals = 100_000, 20_000_000
	keys := make([]string, routes)
	refs := make([]model.Ref, routes)
	for i := range keys {
		keys[i] = fmt.Sprintf("host-%d.shop.test/path/%d", i, i)
		refs[i] = model.Ref{APIVersion: "networking.k8s.io/v1", Kind: "Ingress", Namespace: "shop", Name: keys[i]}
	}
	before := heap()
	d := detect.New(detect.Options{MaxRoutes: routes})
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i, key := range keys {
		d.Add(key, refs[i], model.Signal{At: now, Status: 200})
	}
	d.Tick(now)
	perRoute := float64(heap()-before) / routes
	fmt.Fprintf(w, "memory of a route, its place in the map included, the text of its key not\t%.0f B\ttarget 400 B\t%s\n", perRoute, verdict(perRoute <= 400))

	for _, failing := range []int{0, 1000, 50, 1} {
		begin, err := processorTime()
		if err != nil {
			return err
		}
		for i := range signals {
			status := 200
			if failing > 0 && i%failing == 0 {
				status = 503
			}
			at := i * 7919 % routes // far from the route before in memory
			d.Add(keys[at], refs[at], model.Signal{At: now, Status: status, Duration: 10 * time.Millisecond})
			if i%10_000 == 0 {
				now = now.Add(100 * time.Millisecond)
				d.Tick(now)
			}
		}
		end, err := processorTime()
		if err != nil {
			return err
		}
		rate := signals / (end - begin).Seconds()
		share := 0.0
		if failing > 0 {
			share = 100 / float64(failing)
		}
		fmt.Fprintf(w, "signals per second of processor time, %.3g %% errors, ticks of 100 ms included\t%.2g\ttarget 1e+06\t%s\n", share, rate, verdict(rate >= 1e6))
	}
	runtime.KeepAlive(keys)
	return nil
}

// processorTime is what this process has used so far. What else the machine does is not in it.
func processorTime() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, err
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
