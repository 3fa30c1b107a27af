package metrics

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/gatemend/gatemend/internal/model"
)

// MaxRoutes is how many routes have series of their own. Each has as many as it has statuses.
const MaxRoutes = 1000

// otherRoutes is the route label of all routes beyond MaxRoutes.
const otherRoutes = "other"

// Metrics are gatemend's own metrics. All methods may be called from several goroutines.
type Metrics struct {
	registry *prometheus.Registry

	requests, failures *prometheus.CounterVec
	signalLag          prometheus.Histogram
	alarmDelay         prometheus.Histogram
	alarms, diagnoses  *prometheus.CounterVec
	openAlarms         prometheus.Gauge
	diagnosing         prometheus.Histogram
	notifications      *prometheus.CounterVec
	actions            *prometheus.CounterVec
	lives              lives

	mu     sync.Mutex
	routes map[string]bool
}

// Build says which gatemend this is.
type Build struct{ Version, Commit, GoVersion string }

// New makes the metrics. read tells how much each source has read so far; it is called at every scrape.
func New(b Build, read func() []Source) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		routes:   map[string]bool{},
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatemend_gateway_requests_total",
			Help: "Requests that gateways answered, by route and status (0: no answer was sent).",
		}, []string{"route", "code"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatemend_gateway_failures_total",
			Help: "Requests that failed, by route, status and failure kind.",
		}, []string{"route", "code", "failure"}),
		signalLag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "gatemend_signal_lag_seconds",
			Help:    "Time from the gateway's stamp on a request to its being counted.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}),
		alarmDelay: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "gatemend_alarm_delay_seconds",
			Help:    "Time from the first failing request of an alarm, as the gateway stamped it, to the alarm.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300},
		}),
		alarms: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatemend_alarms_total",
			Help: "Alarms, by what happened: opened or ended.",
		}, []string{"event"}),
		openAlarms: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "gatemend_alarms_open",
			Help: "Alarms that are open.",
		}),
		diagnoses: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatemend_diagnoses_total",
			Help: "Diagnoses of alarms, by the first cause; none where no cause was found.",
		}, []string{"cause"}),
		diagnosing: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "gatemend_diagnosis_duration_seconds",
			Help:    "How long a diagnosis took, reading of logs included.",
			Buckets: []float64{.01, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}),
		notifications: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatemend_notifications_total",
			Help: "Tries to send a notification, by how they went: sent, failed (it is tried again), lost (it is not).",
		}, []string{"channel", "result"}),
		actions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatemend_actions_total",
			Help: "Changes of the cluster, by action and what became of them.",
		}, []string{"action", "result"}),
		lives: newLives(),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "gatemend_build_info", Help: "Always 1; the labels say which gatemend this is.",
		ConstLabels: prometheus.Labels{"version": b.Version, "commit": b.Commit, "go_version": b.GoVersion},
	})
	build.Set(1)
	for _, event := range []string{opened, ended} {
		m.alarms.WithLabelValues(event) // there from the start, so that a first alarm is an increase
	}
	m.registry.MustRegister(m.requests, m.failures, m.signalLag, m.alarmDelay, m.alarms, m.openAlarms,
		m.diagnoses, m.diagnosing, m.notifications, m.actions,
		m.lives.detected, m.lives.diagnosed, m.lives.mended, build, reading{read, sourceSeries()},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Request counts requests of a route that ended in the same way, and how late they were read; lag zero: not known.
func (m *Metrics) Request(route string, status int, failure model.FailureKind, failed bool, requests int, lag time.Duration) {
	route, code := m.route(route), code(status)
	m.requests.WithLabelValues(route, code).Add(float64(requests))
	if failed {
		if failure == model.NoFailure {
			failure = model.OtherFailure
		}
		m.failures.WithLabelValues(route, code, string(failure)).Add(float64(requests))
	}
	if lag > 0 {
		m.signalLag.Observe(lag.Seconds())
	}
}

// The values of the event label.
const (
	opened = "opened"
	ended  = "ended"
)

// AlarmOpened counts an alarm that opened so long after the first error.
func (m *Metrics) AlarmOpened(delay time.Duration) {
	m.alarms.WithLabelValues(opened).Inc()
	m.openAlarms.Inc()
	m.alarmDelay.Observe(max(delay, 0).Seconds()) // clocks of gateways may be ahead
}

// AlarmEnded counts the end of an alarm.
func (m *Metrics) AlarmEnded() {
	m.alarms.WithLabelValues(ended).Inc()
	m.openAlarms.Dec()
}

// Diagnosed counts a diagnosis; cause is the first one's id, empty if there is none.
func (m *Metrics) Diagnosed(cause model.CauseID, took time.Duration) {
	if cause == "" {
		cause = "none"
	}
	m.diagnoses.WithLabelValues(string(cause)).Inc()
	m.diagnosing.Observe(took.Seconds())
}

// route bounds the number of routes. Labels are UTF-8, and a route may have in it what a client sent as its host.
func (m *Metrics) route(key string) string {
	key = strings.ToValidUTF8(key, "\uFFFD")
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.routes[key]:
		return key
	case len(m.routes) >= MaxRoutes:
		return otherRoutes
	}
	m.routes[key] = true
	return key
}

// code is a status as a label; what cannot be one is 0.
func code(status int) string {
	if status < 100 || status > 999 {
		status = 0
	}
	return strconv.Itoa(status)
}
