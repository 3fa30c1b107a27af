package watch

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"time"

	"github.com/gatemend/gatemend/internal/detect"
	"github.com/gatemend/gatemend/internal/printer"
)

// saveEvery is how often a watch writes down what it learned; a crash costs no more than that.
const saveEvery = time.Minute

// Memory is what a watch's detectors learned, and how that is kept.
type Memory struct {
	write     func(content []byte) error // nil: it is not
	detectors []*detect.Detector
	failed    bool // the last attempt to write
}

// learned is what is kept: what each detector saved.
type learned struct{ Detectors [][]byte }

// NewMemory makes a memory that knows nothing yet. write replaces what was kept; nil: nothing is kept.
func NewMemory(write func(content []byte) error) *Memory {
	m := &Memory{write: write}
	m.clear()
	return m
}

func (m *Memory) clear() {
	m.detectors = []*detect.Detector{detect.New(detect.Options{}), detect.New(detect.Options{})}
}

// Load takes in what was kept. After an error the memory knows nothing.
func (m *Memory) Load(data []byte, now time.Time) error {
	err := m.load(data, now)
	if err != nil {
		m.clear() // one of them may know something
	}
	return err
}

func (m *Memory) load(data []byte, now time.Time) error {
	var l learned
	if err := gob.NewDecoder(bytes.NewReader(data)).Decode(&l); err != nil {
		return fmt.Errorf("%w: %w", detect.ErrCheckpoint, err)
	}
	if len(l.Detectors) != len(m.detectors) {
		return detect.ErrCheckpoint
	}
	for i, d := range m.detectors {
		if err := d.Load(l.Detectors[i]); err != nil {
			return err
		}
		d.Resume(now)
	}
	return nil
}

// Save writes down what the detectors know.
func (m *Memory) Save() error {
	if m.write == nil {
		return nil
	}
	var l learned
	for _, d := range m.detectors {
		var b bytes.Buffer
		if err := d.Save(&b); err != nil {
			return err
		}
		l.Detectors = append(l.Detectors, b.Bytes())
	}
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(l); err != nil {
		return fmt.Errorf("write down what was learned: %w", err)
	}
	return m.write(b.Bytes())
}

// save saves, and warns once while that fails: a watch goes on without its memory.
func (w *Watcher) save() error {
	err := w.Memory.Save()
	news := err != nil && !w.Memory.failed
	w.Memory.failed = err != nil
	if !news {
		return nil
	}
	return w.Print(printer.NewEvent(printer.EventWarning, w.Session.Now(), fmt.Sprintf("--state: %v; after a restart, what is usual will be learned anew", err)))
}
