package metrics

import "github.com/prometheus/client_golang/prometheus"

// Source is how much a source of signals has read since it began.
type Source struct {
	Name     string // podlog, als, ...
	Lines    int64  // lines or records that arrived
	Requests int64  // requests among them
	Errors   int64  // lines of error logs among them
	Unread   int64  // lines that no parser knows
	Lost     int64  // signals dropped, because they came faster than they were used
	Gaps     int64  // how often a stream did not go on where it was read to, so that lines may be lost
	Reopened int64  // how often a stream had to be opened again
	Open     int    // streams that are open
}

// reading shows sources' own counters at each scrape.
type reading struct {
	read   func() []Source
	series []series
}

// series describes one series of each source.
type series struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(Source) float64
}

func sourceSeries() []series {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, []string{"source"}, nil)
	}
	counter := func(name, help string, value func(Source) int64) series {
		return series{desc(name, help), prometheus.CounterValue, func(s Source) float64 { return float64(value(s)) }}
	}
	return []series{
		counter("gatemend_source_lines_total", "Lines or records that were read.", func(s Source) int64 { return s.Lines }),
		counter("gatemend_source_requests_total", "Requests among what was read.", func(s Source) int64 { return s.Requests }),
		counter("gatemend_source_error_lines_total", "Lines of error logs among what was read.", func(s Source) int64 { return s.Errors }),
		counter("gatemend_source_unread_lines_total", "Lines in no known form.", func(s Source) int64 { return s.Unread }),
		counter("gatemend_source_lost_signals_total", "Signals that came faster than they could be used.", func(s Source) int64 { return s.Lost }),
		counter("gatemend_source_gaps_total", "How often a stream did not go on where it was read to, so that lines may be lost.", func(s Source) int64 { return s.Gaps }),
		counter("gatemend_source_reopened_total", "How often a stream was opened again.", func(s Source) int64 { return s.Reopened }),
		{
			desc("gatemend_source_open_streams", "Streams that are open."), prometheus.GaugeValue,
			func(s Source) float64 { return float64(s.Open) },
		},
	}
}

// Describe implements prometheus.Collector.
func (r reading) Describe(ch chan<- *prometheus.Desc) {
	for _, s := range r.series {
		ch <- s.desc
	}
}

// Collect implements prometheus.Collector.
func (r reading) Collect(ch chan<- prometheus.Metric) {
	for _, source := range r.read() {
		for _, s := range r.series {
			ch <- prometheus.MustNewConstMetric(s.desc, s.kind, s.value(source), source.Name)
		}
	}
}
