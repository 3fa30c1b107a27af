package cli

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/watch"
)

// vanishing runs `gatemend watch` on a shop that works, whose cart loses its endpoint after a while.
func vanishing(t *testing.T, args ...string) (out string, c *fakeCluster) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c = newFakeCluster(t, true)
		c.silent, c.fixed = true, true
		c.sources = []watch.Source{{Name: "the end", Run: func(ctx context.Context, _ watch.Ear) error {
			time.Sleep(5 * time.Second)
			slice, _ := c.healthy.EndpointSlices().Get("shop", "cart-x1")
			empty := slice.DeepCopy()
			empty.Endpoints, empty.ResourceVersion = nil, "2"
			c.mu.Lock()
			c.healthy = c.healthy.WithObjects([]metav1.Object{empty}, nil)
			c.mu.Unlock()
			c.changed <- struct{}{}
			<-ctx.Done()
			return nil
		}}}
		var stdout, stderr bytes.Buffer
		cmd := New(c.env(strings.NewReader(""), &stdout, &stderr))
		cmd.SetArgs(append([]string{"watch", "-o", "json"}, args...))
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		if err := cmd.ExecuteContext(ctx); err != nil {
			t.Error(err)
		}
		out = stdout.String()
	})
	return out, c
}

func TestWarnsBeforeARequestFails(t *testing.T) {
	out, _ := vanishing(t)
	if n := strings.Count(out, `"type":"notice"`); n != 1 || !strings.Contains(out, "the last ready endpoint of Service shop/cart vanished; requests to it will fail") {
		t.Errorf("%d notices, want one:\n%s", n, out)
	}
	if !strings.Contains(out, `"type":"diagnosis"`) || strings.Contains(out, `"type":"alarm"`) {
		t.Errorf("want a diagnosis, and no alarm, as no request was seen:\n%s", out)
	}
	if out, _ := vanishing(t, "--early-warnings=false"); strings.Contains(out, `"type":"notice"`) {
		t.Errorf("no warnings are wanted:\n%s", out)
	}
	if out, _ := vanishing(t, "shop.example.com/other"); strings.Contains(out, "vanished") {
		t.Errorf("something else is watched:\n%s", out)
	}
}

// What no request was seen to fail for is not changed.
func TestWarningsAreNotMended(t *testing.T) {
	out, c := vanishing(t, "--fix", "--yes", "--approve", "all")
	if got := c.changes(); len(got) != 0 || !strings.Contains(out, `"type":"notice"`) {
		t.Errorf("changed %v:\n%s", got, out)
	}
}
