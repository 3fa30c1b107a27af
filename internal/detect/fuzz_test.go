package detect

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// FuzzDetector feeds arbitrary requests, counts and clocks: nothing panics, no more is remembered than may be, and what
// is reported makes sense.
func FuzzDetector(f *testing.F) {
	f.Add(bytes.Repeat([]byte{0, 7, 0, 0, 0, 0, 0, 1}, 20))
	f.Add([]byte{1, 255, 255, 255, 255, 255, 255, 255, 2, 127, 255, 255, 255, 255, 255, 255, 3, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, data []byte) {
		d := New(Options{MaxRoutes: 4})
		now := start
		open := map[string]bool{}
		for ; len(data) >= 8; data = data[8:] {
			value := int64(binary.BigEndian.Uint64(data))
			key := string(rune('a' + data[1]%6))
			offset := time.Duration(value << 8 >> 8 * 1000)
			switch data[0] % 5 {
			case 0:
				d.Add(key, front, model.Signal{At: now.Add(offset), Status: int(data[7])*3 - 1, Duration: offset})
			case 1:
				d.AddCounts(key, front, time.Unix(value, value), int(value>>8), int(value>>16))
			case 2:
				now = now.Add(offset)
			case 3:
				now = now.Add(time.Duration(data[7]) * time.Second)
			default:
				d.AddCounts(key, front, now, int(data[6]), int(data[7]))
			}
			for _, a := range d.Tick(now) {
				check(t, a, open)
			}
			if len(d.Open()) > d.table.len() || d.table.len() > 4 {
				t.Fatalf("%d open alarms, %d routes", len(d.Open()), d.table.len())
			}
			for slot := range d.table.slots() {
				if r := d.table.at(slot); r.key != "" && !r.sound() {
					t.Fatalf("%+v", r.memory)
				}
			}
		}
	})
}

func check(t *testing.T, a Alarm, open map[string]bool) {
	t.Helper()
	if a.Kind == NoKind || a.Errors > a.Requests || a.Errors < 0 || a.To.Before(a.From) {
		t.Fatalf("%+v", a)
	}
	if open[a.Route] != (a.Ended || a.Worse) {
		t.Fatalf("open %v: %+v", open[a.Route], a)
	}
	open[a.Route] = !a.Ended
}

// FuzzLoad reads damaged checkpoints: they are refused, or give a detector that works.
func FuzzLoad(f *testing.F) {
	d := New(Options{})
	for i := range 20 {
		d.AddCounts("r", front, start.Add(time.Duration(i)*time.Second), 10, i/10*10)
	}
	var b bytes.Buffer
	if err := d.Save(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte("none"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d := New(Options{MaxRoutes: 4})
		if err := d.Load(data); err != nil {
			if !errors.Is(err, ErrCheckpoint) || d.table.len() != 0 {
				t.Fatal(err)
			}
			return
		}
		for i := range 10 {
			d.AddCounts("r", front, start.Add(time.Duration(i)*time.Minute), 10, i)
			d.Tick(start.Add(time.Duration(i) * time.Minute))
		}
	})
}
