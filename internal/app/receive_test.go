package app

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatemend/gatemend/internal/metrics"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy/all"
	"github.com/gatemend/gatemend/internal/signal/als"
	"github.com/gatemend/gatemend/internal/signal/nodefile"
	"github.com/gatemend/gatemend/internal/signal/otlp"
	"github.com/gatemend/gatemend/internal/watch"
)

const aLine = `198.51.100.7 - - [14/Mar/2026:09:00:00 +0000] "GET /a HTTP/1.1" 503 9 "-" "x" 9 0.004 [shop-web-80] [] - - - - id`

// What is heard by any way is among gatemend's own metrics, from the moment at which it is listened to.
func TestWhatIsHeardIsCounted(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "gw.log"), []byte(aLine+"\nwhat is this\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		start func(context.Context) (hearer, error)
		want  metrics.Source
	}{
		"als": {
			func(ctx context.Context) (hearer, error) {
				l, err := listen(ctx, "127.0.0.1:0")
				if err != nil {
					return nil, err
				}
				return als.Serve(ctx, l, als.Options{}), nil
			},
			metrics.Source{Name: "als"},
		},
		"otlp": {
			func(ctx context.Context) (hearer, error) {
				r := otlp.Serve(ctx, nil, nil, otlp.Options{})
				body := fmt.Sprintf(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":%q}},{"body":{"stringValue":"what is this"}}]}]}]}`, aLine)
				req := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/logs", strings.NewReader(body))
				req.Header.Set("Content-Type", "application/json")
				r.Handler().ServeHTTP(httptest.NewRecorder(), req)
				return r, nil
			},
			metrics.Source{Name: "otlp", Lines: 2, Requests: 1, Unread: 1},
		},
		"nodefile": {
			func(ctx context.Context) (hearer, error) {
				return nodefile.Follow(ctx, nodefile.Options{
					Root: dir, Now: time.Now, Want: func(nodefile.Container) (nodefile.Gateway, bool) {
						return nodefile.Gateway{Parser: all.NewAuto()}, true
					},
				}), nil
			},
			metrics.Source{Name: "nodefile", Lines: 2, Requests: 1, Unread: 1, Open: 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := hears(name, time.Now, c.start)
			if _, began := s.Read(); began {
				t.Error("counted before it began")
			}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			signals := make(chan model.Signal)
			go func() { done <- s.Run(ctx, watch.Ear{Signals: signals, Notices: make(chan model.Notice, 1)}) }()
			if c.want.Requests > 0 {
				<-signals
			}
			var got metrics.Source
			for deadline := time.Now().Add(10 * time.Second); got != c.want && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
				got, _ = s.Read()
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}
