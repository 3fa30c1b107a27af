//go:build integration

package controller_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/gatemend/gatemend/api/v1alpha1"
	"github.com/gatemend/gatemend/internal/controller"
	"github.com/gatemend/gatemend/internal/metrics"
	"github.com/gatemend/gatemend/internal/model"
)

// remembers is a record that keeps in memory what it hears.
type remembers struct {
	mu    sync.Mutex
	heard []model.Incident
}

func (r *remembers) Changed(i model.Incident) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heard = append(r.heard, i)
}

func (r *remembers) Run(ctx context.Context) { <-ctx.Done() }

func (r *remembers) all() []model.Incident {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]model.Incident{}, r.heard...)
}

// What alerts and the dashboard ask for is what a controller exports that has mended something; and what is recorded of
// its incident is every state, in order.
func TestAControllerExportsWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := clientFor(t, w.api.Admin).Create(t.Context(), allAuto("all")); err != nil {
		t.Fatal(err)
	}
	w.measured = metrics.New(metrics.Build{Version: "v1"}, func() []metrics.Source { return []metrics.Source{{Name: "podlog", Open: 1}} })
	w.measured.Record(func() metrics.Record { // what the program's record tells, which package app tests
		return metrics.Record{History: &metrics.Written{}, Waiting: map[string]int{"own": 0}}
	})
	w.measured.Notified("own", true, false)
	kept := &remembers{}
	w.record = func(controller.Say) (controller.Recorder, error) { return kept, nil }
	w.start("a", controller.Auto, nil)
	w.setPort(badPort)
	w.awaitPhase(v1alpha1.PhaseResolved)

	scrape := func() string {
		r := httptest.NewRecorder()
		w.measured.Handler("").ServeHTTP(r, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
		return r.Body.String()
	}
	await(t, "the end is counted", func() (bool, string) {
		text := scrape()
		return strings.Contains(text, `gatemend_incidents{cause="target-port-mismatch",phase="Resolved"} 1`) &&
			strings.Contains(text, `gatemend_actions_total{action="patch-service",result="Applied"} 1`) &&
			strings.Contains(text, "gatemend_incident_mending_seconds_count 1"), text
	})
	text := scrape()
	for _, file := range []string{"files/prometheus/rules.yaml", "files/grafana/dashboard.json"} {
		data, err := os.ReadFile(filepath.Join("..", "..", "charts", "gatemend", file))
		if err != nil {
			t.Fatal(err)
		}
		names := regexp.MustCompile(`\bgatemend_[a-z_]+`).FindAllString(string(data), -1)
		if len(names) < 8 {
			t.Errorf("%s asks for %v", file, names)
		}
		for _, name := range names {
			if !strings.Contains(text, "\n"+name+"{") && !strings.Contains(text, "\n"+name+" ") {
				t.Errorf("%s asks for %s, which is not exported", file, name)
			}
		}
	}

	var phases []string
	heard := kept.all()
	for _, i := range heard {
		if n := len(phases); n == 0 || phases[n-1] != string(i.Phase) {
			phases = append(phases, string(i.Phase))
		}
	}
	// A cause that is found before the incident is written is written with it: then only the timeline tells the two apart.
	got := strings.TrimPrefix(strings.Join(phases, " "), "Detected ")
	if begin := heard[len(heard)-1].Timeline; got != "Diagnosed Mending Verifying Resolved" || len(begin) < 2 || begin[0].Kind != "detected" || begin[1].Kind != "diagnosed" {
		t.Errorf("phases %s, timeline %+v", got, begin)
	}
}
