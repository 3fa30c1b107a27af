package cli

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/watch"
)

// watched runs `gatemend watch` on the shop, whose logs tell nothing, with one further source, for a minute.
func watched(t *testing.T, run func(ctx context.Context, to watch.Ear) error, args ...string) (out string, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := newFakeCluster(t, true)
		c.silent = true
		c.sources = []watch.Source{{Name: "a source", Run: run}}
		var stdout, stderr bytes.Buffer
		cmd := New(c.env(strings.NewReader(""), &stdout, &stderr))
		cmd.SetArgs(append([]string{"watch", "-o", "json"}, args...))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err = cmd.ExecuteContext(ctx)
		out = stdout.String()
	})
	return out, err
}

// counts of the shop's cart at this moment, some of which failed.
func counts(good, bad uint64) []model.Count {
	one := model.Count{
		From: time.Now().Add(-time.Second), To: time.Now(), Proxy: "nginx", RouteNamespace: "shop", RouteName: "shop", Service: "cart",
		Host: "shop.example.com", Path: "/cart", Status: 200, Class: 2, Requests: good,
	}
	failed := one
	failed.Status, failed.Class, failed.Failure, failed.Requests = 502, 5, model.OtherFailure, bad
	return []model.Count{one, failed}
}

func TestCountsOpenAnAlarm(t *testing.T) {
	out, err := watched(t, func(ctx context.Context, to watch.Ear) error {
		for i := range 20 {
			bad := uint64(0)
			if i >= 10 {
				bad = 10
			}
			select {
			case to.Counts <- counts(20-bad, bad):
			case <-ctx.Done():
				return nil
			}
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
				return nil
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out, `"type":"alarm"`); n != 1 {
		t.Errorf("%d alarms, want 1:\n%s", n, out)
	}
	if !strings.Contains(out, `"type":"diagnosis"`) || !strings.Contains(out, "target-port-mismatch") {
		t.Errorf("the alarm was not diagnosed:\n%s", out)
	}
}

func TestANoticeIsDiagnosed(t *testing.T) {
	about := func(kind, name string) model.Target {
		return model.Target{Object: &model.Ref{Kind: kind, Namespace: "shop", Name: name}}
	}
	out, err := watched(t, func(_ context.Context, to watch.Ear) error {
		to.Notices <- model.Notice{At: time.Now(), Source: "alert", Text: "HighErrorRate", About: []model.Target{about("Ingress", "absent"), about("Service", "cart")}}
		to.Notices <- model.Notice{At: time.Now(), Source: "alert", Text: "Elsewhere", About: []model.Target{about("Service", "absent")}}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"type":"notice"`, "alert: HighErrorRate", "target-port-mismatch", "alert: Elsewhere (no route that is watched is named by it)"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not said:\n%s", want, out)
		}
	}
}

func TestASourceThatCannotListenEndsTheWatch(t *testing.T) {
	_, err := watched(t, func(context.Context, watch.Ear) error { return errors.New("the port is taken") })
	if err == nil || !strings.Contains(err.Error(), "a source: the port is taken") {
		t.Errorf("the watch ended with %v", err)
	}
}

func TestSourceFlags(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"--no-logs", "there is nothing to hear"},
		{"--no-logs --scrape --fix", "--fix proves"},
		{"--scrape=1ms", "more often"},
		{"--probe shop.test/cart", "no http or https URL"},
		{"--probe-url http://shop.test --probe-every 10ms", "more often"},
		{"--probe-url http://shop.test --probe-method POST", "might change something"},
		{"--probe-url http://shop.test --probe-header x", "NAME: VALUE"},
		{"--probe http://shop.test --probe-address x", "no HOST:PORT"}, // as it was called once
		{"--probe-insecure", "is for --probe"},
		{"--prometheus-user me", "is for --prometheus"},
		{"--prometheus ftp://x", "no http or https URL"},
		{"--prometheus http://x --prometheus-user me", "belong together"},
		{"--alerts :9099", "from just anybody"},
		{"--alerts-token-file f", "is for --alerts"},
		{"--alerts :9099 --alerts-client-ca f", "https only"},
	} {
		_, err := watched(t, func(context.Context, watch.Ear) error { return nil }, strings.Fields(test.args)...)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.args, err, test.want)
		}
	}
}

func TestFailingProbesOpenAnAlarm(t *testing.T) {
	out, err := watched(t, func(ctx context.Context, to watch.Ear) error {
		for {
			select {
			case to.Signals <- model.Signal{
				At: time.Now(), Source: "probe/http://shop.example.com/cart", Status: 502, Failure: model.OtherFailure,
				Request: model.Request{Scheme: "http", Method: "GET", Host: "shop.example.com", Path: "/cart"},
			}:
			case <-ctx.Done():
				return nil
			}
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
				return nil
			}
		}
	}, "--no-logs", "--probe", "http://shop.example.com/cart")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out, `"type":"alarm"`); n != 1 || !strings.Contains(out, "target-port-mismatch") {
		t.Errorf("%d alarms, want 1 that is diagnosed:\n%s", n, out)
	}
}
