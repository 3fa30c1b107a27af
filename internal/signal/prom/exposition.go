package prom

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	pmodel "github.com/prometheus/common/model"

	"github.com/gatemend/gatemend/internal/proxy"
)

// labels are names and values, sorted by name.
type labels []label

type label struct{ name, value string }

// get returns a label's value. A server renames what collides with its own labels (Prometheus,
// configuration, honor_labels): what the gateway said is the renamed one.
func (l labels) get(name string) string {
	value := ""
	for _, one := range l {
		switch one.name {
		case name:
			if value == "" {
				value = one.value
			}
		case "exported_" + name:
			value = one.value
		}
	}
	return value
}

func (l labels) have(only map[string]string) bool {
	for name, value := range only {
		if l.get(name) != value {
			return false
		}
	}
	return true
}

// key tells series of one name apart.
func (l labels) key() string {
	var b strings.Builder
	for _, one := range l {
		b.WriteByte(0)
		b.WriteString(one.name)
		b.WriteByte(1)
		b.WriteString(one.value)
	}
	return b.String()
}

// Bounds of what is read at once.
const (
	maxBytes = 64 << 20
	maxLine  = 64 << 10
)

var errTooLong = errors.New("the answer is longer than 64 MiB")

// wanted lists the series that are read of a proxy.
func wanted(m proxy.Metrics) []string {
	var names []string
	for _, c := range m.Requests {
		names = append(names, c.Name, strings.TrimSuffix(c.Name, "_total")+"_created")
	}
	for _, r := range m.Reasons {
		names = append(names, r.Name)
	}
	for _, name := range []string{m.Started, m.Uptime} {
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}

// parse reads the wanted series of a text in the exposition format. The lines of others, of which an Envoy
// has tens of thousands, never reach the parser.
func parse(r io.Reader, names []string) ([]sample, error) {
	var kept bytes.Buffer
	read := 0
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 8<<10), maxLine)
	for lines.Scan() {
		line := lines.Bytes()
		if read += len(line) + 1; read > maxBytes {
			return nil, errTooLong
		}
		end := bytes.IndexAny(line, "{ \t")
		if end > 0 && slices.Contains(names, string(line[:end])) {
			kept.Write(exemplarOff(line))
			kept.WriteByte('\n')
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read metrics: %w", err)
	}
	parser := expfmt.NewTextParser(pmodel.UTF8Validation)
	families, err := parser.TextToMetricFamilies(&kept)
	if err != nil {
		return nil, fmt.Errorf("parse metrics: %w", err)
	}
	var samples []sample
	for name, family := range families {
		for _, m := range family.GetMetric() {
			samples = append(samples, sample{name: name, labels: labelsOf(m), value: m.GetUntyped().GetValue()})
		}
	}
	return samples, nil
}

// exemplarOff cuts an exemplar off, which OpenMetrics writes behind a value and the text format does not know.
func exemplarOff(line []byte) []byte {
	if i := bytes.LastIndex(line, []byte(" # {")); i > 0 && bytes.IndexByte(line[:i], '}') >= 0 {
		return line[:i]
	}
	return line
}

func labelsOf(m *dto.Metric) labels {
	out := make(labels, 0, len(m.GetLabel()))
	for _, l := range m.GetLabel() {
		out = append(out, label{l.GetName(), l.GetValue()})
	}
	slices.SortFunc(out, func(a, b label) int { return strings.Compare(a.name, b.name) })
	return out
}
