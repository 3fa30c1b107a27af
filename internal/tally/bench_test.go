package tally

import (
	"context"
	"io"
	"os"
	"testing"
	"bytes"
)

type memory struct{ text []byte; begun bool }

func (m *memory) Next(c *Chunk, begin func(string, bool)) error {
	if !m.begun { begin("x", false); m.begun = true }
	n := min(256<<10, len(m.text))
	if n == 0 { return io.EOF }
	if i := bytes.LastIndexByte(m.text[:n], '\n'); i >= 0 { n = i+1 }
	c.Text = append(c.Text[:0], m.text[:n]...)
	m.text = m.text[n:]
	return nil
}

func BenchmarkTmp(b *testing.B) {
	text, err := os.ReadFile(os.Getenv("LOGFILE"))
	if err != nil { b.Skip(err) }
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		t, _ := Run(context.Background(), &memory{text: text}, 1, Options{}, nil)
		r := t.Finish()
		if r.Bad > 0 { b.Fatal(r.BadLines) }
		b.ReportMetric(float64(r.Errors), "errors")
		b.ReportMetric(float64(len(r.Routes)), "routes")
		b.ReportMetric(float64(len(r.Alarms)), "alarms")
	}
}
