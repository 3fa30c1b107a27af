package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Incidents is where a controller's incidents stand.
type Incidents struct {
	Counts []IncidentCount
	// Waiting are those whose repair is to be looked at and was not yet; Oldest is how long the first of them has waited.
	Waiting int
	Oldest  time.Duration
}

// IncidentCount is how many incidents of a cause are in a phase.
type IncidentCount struct {
	Phase, Cause string // cause none: it is not known
	Count        int
}

// lives are the durations of incidents' lives.
type lives struct{ detected, diagnosed, mended prometheus.Histogram }

func newLives() lives {
	histogram := func(name, help string, buckets ...float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets})
	}
	return lives{
		detected: histogram("gatemend_incident_detection_seconds", "Time from the first failing request of an incident to its being recorded.",
			.1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300),
		diagnosed: histogram("gatemend_incident_diagnosis_seconds", "Time from an incident's being recorded to its cause being known.",
			.1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300),
		mended: histogram("gatemend_incident_mending_seconds", "Time from the first failing request of an incident to the proof that a repair helped.",
			1, 2.5, 5, 10, 20, 30, 60, 120, 300, 900, 3600),
	}
}

// IncidentDetected counts an incident that was recorded so long after its first failing request.
func (m *Metrics) IncidentDetected(after time.Duration) {
	m.lives.detected.Observe(max(after, 0).Seconds()) // clocks of gateways may be ahead
}

// IncidentDiagnosed counts an incident whose cause became known so long after it was recorded.
func (m *Metrics) IncidentDiagnosed(after time.Duration) {
	m.lives.diagnosed.Observe(max(after, 0).Seconds())
}

// IncidentMended counts an incident that a repair ended so long after its first failing request.
func (m *Metrics) IncidentMended(after time.Duration) {
	m.lives.mended.Observe(max(after, 0).Seconds())
}

// Action counts what became of a change.
func (m *Metrics) Action(action, result string) { m.actions.WithLabelValues(action, result).Inc() }

// Incidents has read asked at every scrape. It gives false where this process does not know: it does not lead.
func (m *Metrics) Incidents(read func() (Incidents, bool)) {
	m.registry.MustRegister(standing{
		read:    read,
		count:   prometheus.NewDesc("gatemend_incidents", "Incidents that the controller knows, by phase and cause.", []string{"phase", "cause"}, nil),
		waiting: prometheus.NewDesc("gatemend_incidents_waiting", "Incidents that wait to be looked at by the controller.", nil, nil),
		oldest:  prometheus.NewDesc("gatemend_incidents_waiting_seconds", "How long the first of the incidents that wait has waited.", nil, nil),
	})
}

// standing shows where incidents stand.
type standing struct {
	read                   func() (Incidents, bool)
	count, waiting, oldest *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (s standing) Describe(ch chan<- *prometheus.Desc) {
	ch <- s.count
	ch <- s.waiting
	ch <- s.oldest
}

// Collect implements prometheus.Collector.
func (s standing) Collect(ch chan<- prometheus.Metric) {
	now, known := s.read()
	if !known {
		return
	}
	for _, c := range now.Counts {
		ch <- prometheus.MustNewConstMetric(s.count, prometheus.GaugeValue, float64(c.Count), c.Phase, c.Cause)
	}
	ch <- prometheus.MustNewConstMetric(s.waiting, prometheus.GaugeValue, float64(now.Waiting))
	ch <- prometheus.MustNewConstMetric(s.oldest, prometheus.GaugeValue, now.Oldest.Seconds())
}
