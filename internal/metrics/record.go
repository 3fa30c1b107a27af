package metrics

import "github.com/prometheus/client_golang/prometheus"

// Record is how the history and the notifications go.
type Record struct {
	History *Written       // nil: none is kept
	Waiting map[string]int // messages that wait, by channel
}

// Written is how writing the history goes.
type Written struct {
	Waiting int // incidents whose last state is not written yet
	Dropped int // those of which it never was, since the start
	Failing bool
}

// The values of the result label of notifications.
const (
	sent   = "sent"
	failed = "failed"
	lost   = "lost"
)

// Notified counts a try to send a notification; given up: it is not tried again.
func (m *Metrics) Notified(channel string, ok, givenUp bool) {
	result := failed
	switch {
	case ok:
		result = sent
	case givenUp:
		result = lost
	}
	m.notifications.WithLabelValues(channel, result).Inc()
}

// Record has read asked at every scrape.
func (m *Metrics) Record(read func() Record) { m.registry.MustRegister(newRecording(read)) }

// recording shows how the history and the notifications go.
type recording struct {
	read                              func() Record
	waiting, dropped, failing, queued *prometheus.Desc
}

func newRecording(read func() Record) recording {
	return recording{
		read:    read,
		waiting: prometheus.NewDesc("gatemend_history_waiting", "Incidents whose last state is not in the history yet.", nil, nil),
		dropped: prometheus.NewDesc("gatemend_history_dropped_total", "Incidents whose last state never came into the history.", nil, nil),
		failing: prometheus.NewDesc("gatemend_history_failing", "1 if the history could not be written at the last try.", nil, nil),
		queued:  prometheus.NewDesc("gatemend_notifications_waiting", "Messages that wait to be sent.", []string{"channel"}, nil),
	}
}

// Describe implements prometheus.Collector.
func (r recording) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{r.waiting, r.dropped, r.failing, r.queued} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (r recording) Collect(ch chan<- prometheus.Metric) {
	now := r.read()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	if h := now.History; h != nil {
		gauge(r.waiting, float64(h.Waiting))
		ch <- prometheus.MustNewConstMetric(r.dropped, prometheus.CounterValue, float64(h.Dropped))
		failing := 0.0
		if h.Failing {
			failing = 1
		}
		gauge(r.failing, failing)
	}
	for channel, n := range now.Waiting {
		gauge(r.queued, float64(n), channel)
	}
}
