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
		h := &heartbeat{ask: func(ctx context.Context) error {
			if hangs.Load() {
				<-ctx.Done()
				return context.Cause(ctx)
			}
			return nil
		}}
		go h.run(t.Context())
		for _, step := range []struct {
			hangs, silent bool
		}{{false, false}, {true, true}, {false, false}} {
			hangs.Store(step.hangs)
			time.Sleep(beatEvery + beatWithin + time.Second)
			synctest.Wait()
			if got := h.silent(); (got != "") != step.silent {
				t.Errorf("hangs %v: got %q", step.hangs, got)
			}
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
