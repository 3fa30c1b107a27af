package app

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hangs atomic.Bool
		h := &heartbeat{heard: func() uint64 { return 0 }, ask: func(ctx context.Context) error {
			if hangs.Load() {
				<-ctx.Done()
				return context.Cause(ctx)
			}
			return nil
		}}
		go h.run(t.Context())
		for _, step := range []struct {
			hangs, silent, back bool
		}{{false, false, false}, {true, true, false}, {false, false, true}} {
			hangs.Store(step.hangs)
			time.Sleep(beatEvery + beatWithin + time.Second)
			synctest.Wait()
			if got := h.silent(); (got != "") != step.silent {
				t.Errorf("hangs %v: got %q", step.hangs, got)
			}
			if back := h.returned(); back.IsZero() == step.back {
				t.Errorf("hangs %v: it is back since %v", step.hangs, back)
			}
		}
	})
}

// An API server that tells of changes is there, and is not asked.
func TestHeartbeatHears(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told atomic.Uint64
		var asked atomic.Int64
		h := &heartbeat{heard: told.Load, ask: func(context.Context) error {
			asked.Add(1)
			return errors.New("connection refused")
		}}
		go h.run(t.Context())
		wait := func() {
			time.Sleep(beatEvery)
			synctest.Wait()
		}
		time.Sleep(time.Second)
		for range 10 {
			told.Add(1)
			wait()
		}
		if n := asked.Load(); n != 0 || h.silent() != "" {
			t.Errorf("asked %d times, and it is silent: %q", n, h.silent())
		}
		wait()
		if h.silent() == "" {
			t.Error("it tells nothing and does not answer, and is not silent")
		}
		told.Add(1)
		wait()
		if why := h.silent(); why != "" {
			t.Errorf("it tells again, and is silent: %s", why)
		}
	})
}

func TestHeartbeatTakesARefusalForAnAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"forbidden": {apierrors.NewForbidden(schema.GroupResource{}, "version", errors.New("no right")), ""},
		"refused":   {errors.New(`Get "https://10.0.0.1/version": connection refused`), "until it does: connection refused"},
	} {
		h := &heartbeat{ask: func(context.Context) error { return c.err }}
		h.beat(t.Context())
		if got := h.silent(); (got == "") != (c.want == "") || !strings.HasSuffix(got, c.want) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}
