package cli

import (
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/gatemend/gatemend/internal/detect"
	"github.com/gatemend/gatemend/internal/printer"
)

// saveEvery is how often a watch writes down what it learned; a crash costs no more than that.
const saveEvery = time.Minute

// memory is the file that keeps what a watch's detectors learned. The zero value keeps nothing.
type memory struct {
	path      string
	write     func(path string, content []byte) error
	detectors []*detect.Detector
	failed    bool // the last attempt to write
}

// learned is what such a file holds: what each detector saved.
type learned struct{ Detectors [][]byte }

// remembering makes the detectors, which know what the file holds if there is one. A file that cannot be understood is told
// of and replaced; one that cannot be read or written is an error.
func (w *watcher) remembering(env Env, path string) error {
	w.newDetectors()
	if path == "" {
		return nil
	}
	w.memory.path, w.memory.write = path, env.WriteFile
	data, err := env.ReadFile(path, nil)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("--state: %w", err)
	default:
		if err := w.memory.load(data, env.Now()); err != nil {
			w.newDetectors() // one of them may know something
			fmt.Fprintf(env.Err, "gatemend: --state %s: %v; what is usual is learned anew\n", path, err)
		}
	}
	if err := w.memory.save(); err != nil {
		return fmt.Errorf("--state: %w", err)
	}
	return nil
}

func (w *watcher) newDetectors() {
	w.detector, w.counted = detect.New(detect.Options{}), detect.New(detect.Options{})
	w.memory.detectors = []*detect.Detector{w.detector, w.counted}
}

func (m *memory) load(data []byte, now time.Time) error {
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

// save writes down what the detectors know.
func (m *memory) save() error {
	if m.path == "" {
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
	return m.write(m.path, b.Bytes())
}

// save saves, and warns once while that fails: a watch goes on without its memory.
func (w *watcher) save() error {
	err := w.memory.save()
	news := err != nil && !w.memory.failed
	w.memory.failed = err != nil
	if !news {
		return nil
	}
	return w.print(printer.NewEvent(printer.EventWarning, w.session.now(), fmt.Sprintf("--state: %v; after a restart, what is usual will be learned anew", err)))
}
