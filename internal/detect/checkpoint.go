package detect

import (
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// checkpointVersion changes when memory changes its meaning; a checkpoint of another version is refused, and
// the detector starts afresh.
const checkpointVersion = 1

// checkpoint is a detector's memory as it is written down.
type checkpoint struct {
	Version int
	Now     instant
	Routes  []saved
}

type saved struct {
	Key    string
	Object model.Ref
	Memory memory
}

// Save writes down what the detector knows, for [Detector.Load] after a restart: routes in the order of their
// names.
func (d *Detector) Save(w io.Writer) error {
	c := checkpoint{Version: checkpointVersion, Now: d.now}
	for _, slot := range d.table.sorted() {
		r := d.table.at(slot)
		c.Routes = append(c.Routes, saved{Key: r.key, Object: r.object, Memory: r.memory})
	}
	if err := gob.NewEncoder(w).Encode(c); err != nil {
		return fmt.Errorf("write the detector's memory: %w", err)
	}
	return nil
}

// ErrCheckpoint is what [Detector.Load] returns for a checkpoint that is none or is damaged: drop it, and
// the detector learns anew.
var ErrCheckpoint = errors.New("not a checkpoint of this version's detector")

// Load makes the detector know what [Detector.Save] wrote, and forget all else. If it fails nothing is changed.
func (d *Detector) Load(data []byte) error {
	var c checkpoint
	if err := gob.NewDecoder(bytes.NewReader(data)).Decode(&c); err != nil {
		return fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	if c.Version != checkpointVersion || c.Now < 0 {
		return fmt.Errorf("%w: it is of version %d", ErrCheckpoint, c.Version)
	}
	n := New(d.options)
	n.now = c.Now
	for i := range c.Routes {
		s := &c.Routes[i]
		if _, twice := n.table.find(s.Key); twice || !s.Memory.sound() {
			return fmt.Errorf("%w: route %q is damaged", ErrCheckpoint, s.Key)
		}
		if n.table.len() >= n.options.MaxRoutes {
			break
		}
		slot := n.table.insert(route{key: s.Key, object: s.Object, memory: s.Memory})
		if s.Memory.State != calm {
			n.watch(slot)
		}
	}
	*d = *n
	return nil
}

// Resume goes on after a time in which nobody listened, as after [Detector.Load]: that time is no silence of the routes.
// Alarms that were open are reported again by the next tick, since whoever was told of them is gone; but none that would
// have ended meanwhile for want of requests.
func (d *Detector) Resume(now time.Time) {
	away := max(0, instantOf(now).since(d.now)) // a clock that was set back is the next tick's
	d.now = d.now.add(away)
	for slot := range d.table.slots() {
		r := d.table.at(slot)
		if r.key == "" {
			continue
		}
		if r.State != calm {
			d.resume(r, away)
		}
		for _, i := range []*instant{&r.First, &r.Last, &r.Bucket.From} {
			*i = i.add(away)
		}
	}
	for i := range d.active {
		d.active[i].due = 0
	}
}

// resume has an alarm reported again, or ends it if it is too old. That traffic vanished is no news where nobody listened.
func (d *Detector) resume(r *route, away time.Duration) {
	if r.Kind != Vanished && away < d.options.patience(r.Kind) {
		r.State = opening
		return
	}
	r.end(true)
	d.unwatch(int(r.watched))
}

// sound reports whether a memory is one that a detector can have.
func (m *memory) sound() bool {
	numbers := []float32{m.Usual.Requests, m.Usual.Errors, m.Longest, m.Slow, m.Failing, m.Relief}
	numbers = append(numbers, m.Sums.Sum[:]...)
	for _, w := range m.Windows {
		numbers = append(numbers, w.Requests, w.Errors)
	}
	for _, n := range numbers {
		if f := float64(n); f < 0 || math.IsNaN(f) || math.IsInf(f, 0) {
			return false
		}
	}
	for _, i := range []instant{m.Bucket.From, m.First, m.Last, m.RowFrom, m.From, m.Opened, m.LastError, m.Seen, m.ReliefFrom, m.Success, m.Relieved} {
		if i < 0 {
			return false
		}
	}
	return m.Usual.Requests > 0 && m.State < states && m.Kind < kinds && (m.State == calm || m.Kind != NoKind)
}
