package load_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatemend/gatemend/lab/load"
)

func dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, network, address)
}

func server(t *testing.T, h http.HandlerFunc) load.Target {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return load.Target{Name: "web", Address: s.Listener.Addr().String(), Host: "web.shop.test"}
}

func TestCountsEveryAnswerOnce(t *testing.T) {
	var n atomic.Int64
	var host atomic.Value
	target := server(t, func(w http.ResponseWriter, r *http.Request) {
		host.Store(r.Host)
		switch n.Add(1) % 4 {
		case 0:
			w.WriteHeader(http.StatusBadGateway)
		case 1:
			panic(http.ErrAbortHandler)
		}
	})
	run, err := load.Start(t.Context(), dial, []load.Target{target}, load.Limits{Rate: 1000, Count: 40, Duration: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	r := run.Wait()[0]
	if r.Sent != 40 || r.Done() != 40 || r.Skipped != 0 {
		t.Errorf("got %d sent, %d done, %d skipped, want 40, 40, 0", r.Sent, r.Done(), r.Skipped)
	}
	if r.Status[200] != 20 || r.Status[502] != 10 || r.Transport["closed"] != 10 || r.Errors() != 20 {
		t.Errorf("got status %v transport %v, want 20 of 200, 10 of 502, 10 closed", r.Status, r.Transport)
	}
	if requests, errors := r.Since(time.Time{}); requests != 40 || errors != 20 {
		t.Errorf("by the second: got %d requests and %d errors, want 40 and 20", requests, errors)
	}
	if r.FirstError.IsZero() || r.LastError.Before(r.FirstError) || r.LastGood.IsZero() {
		t.Errorf("got first error %v, last error %v, last good %v", r.FirstError, r.LastError, r.LastGood)
	}
	if host.Load() != "web.shop.test" {
		t.Errorf("got host %v", host.Load())
	}
}

// What came before the reports began anew is forgotten, and what is answered later counts.
func TestAnew(t *testing.T) {
	var n atomic.Int64
	release := make(chan struct{})
	target := server(t, func(w http.ResponseWriter, _ *http.Request) {
		if n.Add(1) == 1 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		<-release
	})
	run, err := load.Start(t.Context(), dial, []load.Target{target}, load.Limits{Rate: 100, Count: 3, Duration: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(5 * time.Second); run.Report()[0].Sent < 3 || run.Report()[0].FirstError.IsZero(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the first answer does not come")
		}
	}
	run.Anew()
	if r := run.Report()[0]; r.Done() != 0 || !r.FirstError.IsZero() || r.Target.Name != "web" {
		t.Errorf("got %+v, want an empty report", r)
	}
	close(release)
	if r := run.Wait()[0]; r.Status[200] != 2 || r.Errors() != 0 || !r.FirstError.IsZero() {
		t.Errorf("got %+v, want the two that were waiting", r)
	}
}

func TestKeepsTheRateWhileAnswersAreLate(t *testing.T) {
	release := make(chan struct{})
	target := server(t, func(http.ResponseWriter, *http.Request) { <-release })
	run, err := load.Start(t.Context(), dial, []load.Target{target}, load.Limits{Rate: 200, Count: 30, Duration: time.Minute, Waiting: 20})
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(5 * time.Second); run.Report()[0].Sent+run.Report()[0].Skipped < 30; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("late answers hold up later requests")
		}
	}
	if r := run.Report()[0]; r.Sent != 20 || r.Skipped != 10 || r.Done() != 0 {
		t.Errorf("got %d sent, %d skipped, %d done, want 20, 10, 0", r.Sent, r.Skipped, r.Done())
	}
	close(release)
	if r := run.Wait()[0]; r.Status[200] != 20 {
		t.Errorf("got %v, want 20 of 200", r.Status)
	}
}

func TestEnds(t *testing.T) {
	target := server(t, func(http.ResponseWriter, *http.Request) {})
	cases := map[string]struct {
		limits load.Limits
		stop   bool
	}{
		"at its duration":    {limits: load.Limits{Rate: 50, Count: 1 << 30, Duration: 100 * time.Millisecond}},
		"when it is stopped": {limits: load.Limits{Rate: 50, Count: 1 << 30, Duration: time.Hour}, stop: true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			run, err := load.Start(t.Context(), dial, []load.Target{target}, c.limits)
			if err != nil {
				t.Fatal(err)
			}
			if c.stop {
				run.Stop()
			}
			if r := run.Wait()[0]; r.Sent > 10 || r.Done() != r.Sent {
				t.Errorf("got %d sent and %d done, want at most 10 and all of them", r.Sent, r.Done())
			}
		})
	}
}

func TestRefusesLoadWithoutALimit(t *testing.T) {
	for name, l := range map[string]load.Limits{
		"rate":     {Count: 1, Duration: time.Second},
		"count":    {Rate: 1, Duration: time.Second},
		"duration": {Rate: 1, Count: 1},
	} {
		if _, err := load.Start(t.Context(), dial, nil, l); err == nil {
			t.Errorf("without %s: got no error", name)
		}
	}
}

func TestNamesTransportErrors(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := load.Target{Name: "refused", Address: l.Addr().String()}
	l.Close()
	slow := server(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	run, err := load.Start(t.Context(), dial, []load.Target{refused, slow}, load.Limits{Rate: 100, Count: 1, Duration: time.Second, Timeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	reports := run.Wait()
	if reports[0].Transport["refused"] != 1 || reports[1].Transport["timeout"] != 1 {
		t.Errorf("got %v and %v, want one refused and one timeout", reports[0].Transport, reports[1].Transport)
	}
}
