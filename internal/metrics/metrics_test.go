package metrics

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/gatemend/gatemend/internal/model"
)

func used() *Metrics {
	m := New(Build{Version: "v1", Commit: "abc", GoVersion: "go1"}, func() []Source {
		return []Source{{Name: "podlog", Lines: 12, Requests: 9, Errors: 1, Unread: 2, Lost: 3, Reopened: 4, Open: 5, Gaps: 6}}
	})
	m.Request("shop.test/", 200, model.NoFailure, false, 7, 20*time.Millisecond)
	m.Request("shop.test/", 502, model.Refused, true, 2, 0)
	m.Request("shop.test/", 12345, model.NoFailure, true, 1, 0)
	m.AlarmOpened(300 * time.Millisecond)
	m.AlarmOpened(-time.Second)
	m.AlarmEnded()
	m.Diagnosed("target-port-mismatch", time.Second)
	m.Diagnosed("", time.Second)
	m.Notified("oncall", true, false)
	m.Notified("oncall", false, false)
	m.Notified("oncall", false, true)
	m.IncidentDetected(time.Second)
	m.IncidentDiagnosed(time.Second)
	m.IncidentMended(20 * time.Second)
	m.Action("patch-service", "Applied")
	m.Incidents(func() (Incidents, bool) {
		return Incidents{Counts: []IncidentCount{{"Mending", "target-port-mismatch", 3}}, Waiting: 2, Oldest: 5 * time.Second}, true
	})
	m.Record(func() Record {
		return Record{History: &Written{Waiting: 7, Dropped: 8, Failing: true}, Waiting: map[string]int{"oncall": 9}}
	})
	return m
}

// What a client sent as its host is no label as it is.
func TestOddHosts(t *testing.T) {
	m := New(Build{}, func() []Source { return nil })
	m.Request("a\xff\xfe/", 502, model.Refused, true, 1, time.Second)
	const want = `
# HELP gatemend_gateway_failures_total Requests that failed, by route, status and failure kind.
# TYPE gatemend_gateway_failures_total counter
gatemend_gateway_failures_total{code="502",failure="refused",route="a` + "\uFFFD" + `/"} 1
`
	if err := testutil.GatherAndCompare(m.registry, strings.NewReader(want), "gatemend_gateway_failures_total"); err != nil {
		t.Error(err)
	}
}

func TestSeries(t *testing.T) {
	want := `
# HELP gatemend_actions_total Changes of the cluster, by action and what became of them.
# TYPE gatemend_actions_total counter
gatemend_actions_total{action="patch-service",result="Applied"} 1
# HELP gatemend_alarms_open Alarms that are open.
# TYPE gatemend_alarms_open gauge
gatemend_alarms_open 1
# HELP gatemend_alarms_total Alarms, by what happened: opened or ended.
# TYPE gatemend_alarms_total counter
gatemend_alarms_total{event="ended"} 1
gatemend_alarms_total{event="opened"} 2
# HELP gatemend_diagnoses_total Diagnoses of alarms, by the first cause; none where no cause was found.
# TYPE gatemend_diagnoses_total counter
gatemend_diagnoses_total{cause="none"} 1
gatemend_diagnoses_total{cause="target-port-mismatch"} 1
# HELP gatemend_gateway_failures_total Requests that failed, by route, status and failure kind.
# TYPE gatemend_gateway_failures_total counter
gatemend_gateway_failures_total{code="0",failure="other",route="shop.test/"} 1
gatemend_gateway_failures_total{code="502",failure="refused",route="shop.test/"} 2
# HELP gatemend_gateway_requests_total Requests that gateways answered, by route and status (0: no answer was sent).
# TYPE gatemend_gateway_requests_total counter
gatemend_gateway_requests_total{code="0",route="shop.test/"} 1
gatemend_gateway_requests_total{code="200",route="shop.test/"} 7
gatemend_gateway_requests_total{code="502",route="shop.test/"} 2
# HELP gatemend_history_dropped_total Incidents whose last state never came into the history.
# TYPE gatemend_history_dropped_total counter
gatemend_history_dropped_total 8
# HELP gatemend_history_failing 1 if the history could not be written at the last try.
# TYPE gatemend_history_failing gauge
gatemend_history_failing 1
# HELP gatemend_history_waiting Incidents whose last state is not in the history yet.
# TYPE gatemend_history_waiting gauge
gatemend_history_waiting 7
# HELP gatemend_incidents Incidents that the controller knows, by phase and cause.
# TYPE gatemend_incidents gauge
gatemend_incidents{cause="target-port-mismatch",phase="Mending"} 3
# HELP gatemend_incidents_waiting Incidents that wait to be looked at by the controller.
# TYPE gatemend_incidents_waiting gauge
gatemend_incidents_waiting 2
# HELP gatemend_incidents_waiting_seconds How long the first of the incidents that wait has waited.
# TYPE gatemend_incidents_waiting_seconds gauge
gatemend_incidents_waiting_seconds 5
# HELP gatemend_notifications_total Tries to send a notification, by how they went: sent, failed (it is tried again), lost (it is not).
# TYPE gatemend_notifications_total counter
gatemend_notifications_total{channel="oncall",result="failed"} 1
gatemend_notifications_total{channel="oncall",result="lost"} 1
gatemend_notifications_total{channel="oncall",result="sent"} 1
# HELP gatemend_notifications_waiting Messages that wait to be sent.
# TYPE gatemend_notifications_waiting gauge
gatemend_notifications_waiting{channel="oncall"} 9
# HELP gatemend_source_gaps_total How often a stream did not go on where it was read to, so that lines may be lost.
# TYPE gatemend_source_gaps_total counter
gatemend_source_gaps_total{source="podlog"} 6
# HELP gatemend_source_lost_signals_total Signals that came faster than they could be used.
# TYPE gatemend_source_lost_signals_total counter
gatemend_source_lost_signals_total{source="podlog"} 3
# HELP gatemend_source_unread_lines_total Lines in no known form.
# TYPE gatemend_source_unread_lines_total counter
gatemend_source_unread_lines_total{source="podlog"} 2
`
	var names []string
	for line := range strings.Lines(want) {
		if name, ok := strings.CutPrefix(line, "# TYPE "); ok {
			names = append(names, strings.Fields(name)[0])
		}
	}
	if err := testutil.GatherAndCompare(used().registry, strings.NewReader(want), names...); err != nil {
		t.Error(err)
	}
}

// Names, help and types are as promtool wants them.
func TestLint(t *testing.T) {
	problems, err := testutil.GatherAndLint(used().registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "gatemend_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

func TestSeriesAreBounded(t *testing.T) {
	m := used()
	for i := range 10 * MaxRoutes {
		m.Request(fmt.Sprintf("h%d.test/", i), 200, "", false, 1, 0)
	}
	if n := testutil.CollectAndCount(m.requests); n > MaxRoutes+3 {
		t.Errorf("%d series of requests", n)
	}
	if n := testutil.ToFloat64(m.requests.WithLabelValues(otherRoutes, "200")); n != 9*MaxRoutes+1 {
		t.Errorf("%v requests of other routes, want what the first %d have not", n, MaxRoutes)
	}
}

func TestHandler(t *testing.T) {
	for name, test := range map[string]struct {
		token, header string
		want          int
	}{
		"open":        {"", "", http.StatusOK},
		"right":       {"s3cret", "Bearer s3cret", http.StatusOK},
		"wrong":       {"s3cret", "Bearer other", http.StatusUnauthorized},
		"no token":    {"s3cret", "", http.StatusUnauthorized},
		"not bearer":  {"s3cret", "s3cret", http.StatusUnauthorized},
		"basic":       {"s3cret", "Basic s3cret", http.StatusUnauthorized},
		"empty given": {"s3cret", "Bearer ", http.StatusUnauthorized},
	} {
		r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		if test.header != "" {
			r.Header.Set("Authorization", test.header)
		}
		w := httptest.NewRecorder()
		used().Handler(test.token).ServeHTTP(w, r)
		shows := strings.Contains(w.Body.String(), "gatemend_build_info")
		if w.Code != test.want || shows != (test.want == http.StatusOK) {
			t.Errorf("%s: %d, shows metrics: %v", name, w.Code, shows)
		}
	}
}

// docs/metrics.md names every series, and no other.
func TestDocs(t *testing.T) {
	text, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	families, err := used().registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "gatemend_") {
			want = append(want, f.GetName())
		}
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "| `gatemend_"); ok {
			name, _, _ := strings.Cut(rest, "`")
			got = append(got, "gatemend_"+name)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("docs/metrics.md names\n%s\nand there are\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
