package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// controller is a 'gatemend controller' that runs.
type controller struct {
	*process
	plane    *plane
	began    time.Time
	profile  func(ctx context.Context, name, what string)
	als      string // where it takes access logs
	profiles string // where it shows profiles
}

// startController runs gatemend outside of the cluster, with limits as its chart sets them.
func (p *plane) startController(ctx context.Context, mode string, more ...string) (*controller, error) {
	config, err := p.user(actor)
	if err != nil {
		return nil, err
	}
	ports := make([]string, 3)
	for i := range ports {
		if ports[i], err = freePort(ctx); err != nil {
			return nil, err
		}
	}
	c := &controller{plane: p, began: time.Now(), als: ports[0], profiles: ports[2]}
	args := append([]string{
		"controller", "--mode", mode, "--kubeconfig", config, "--health-addr", ports[1], "--als", c.als, "--pprof-addr", ports[2],
	}, more...)
	c.process, err = p.start(ctx, "gatemend-"+mode, p.bench.gatemend, args...)
	if err != nil {
		return nil, err
	}
	c.profile = func(ctx context.Context, name, what string) {
		file := filepath.Join(p.bench.dir, mode+"-"+name+".pprof")
		if err := fetchTo(ctx, "http://"+ports[2]+"/debug/pprof/"+what, file); err != nil && ctx.Err() == nil {
			p.bench.logf("no profile: %v", err)
		}
	}
	return c, nil
}

// said is one line of the controller's log.
type said struct {
	Time  time.Time `json:"time"`
	Text  string    `json:"msg"`
	Event string    `json:"event"`
	Route string    `json:"route"`
}

// log reads what the controller has logged so far.
func (c *controller) said() ([]said, error) {
	data, err := os.ReadFile(c.log)
	if err != nil {
		return nil, fmt.Errorf("read gatemend's log: %w", err)
	}
	var out []said
	for {
		line, rest, whole := bytes.Cut(data, []byte("\n"))
		if !whole {
			return out, nil // the last line is being written
		}
		var s said
		if err := json.Unmarshal(line, &s); err == nil { // a panic is no JSON, and is shown when the process has ended
			out = append(out, s)
		}
		data = rest
	}
}

// await waits for a line of the log.
func (c *controller) await(ctx context.Context, what string, within time.Duration, is func(said) bool) (said, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, within, fmt.Errorf("not within %s", within))
	defer cancel()
	for {
		all, err := c.said()
		if err != nil {
			return said{}, err
		}
		for _, s := range all {
			if is(s) {
				return s, nil
			}
		}
		if err := c.died(); err != nil {
			return said{}, err
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return said{}, fmt.Errorf("wait for %s: %w", what, err)
		}
	}
}

// awaitSync is how long it took until the whole cluster was read and all of its routes were known.
func (c *controller) awaitSync(ctx context.Context) (time.Duration, error) {
	s, err := c.await(ctx, "gatemend to read the cluster", 10*time.Minute, func(s said) bool { return s.Event == "watching" })
	if err != nil {
		return 0, err
	}
	return s.Time.Sub(c.began), nil
}
