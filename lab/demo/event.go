package demo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// event is the part of gatemend's printed events that the demo reads. It is declared here, not
// imported, so that the demo fails when the printed form changes.
type event struct {
	Type  string    `json:"type"`
	At    time.Time `json:"at"`
	Route string    `json:"route"`
	Step  string    `json:"step"`
	Text  string    `json:"text"`

	Diagnosis *struct {
		Causes []struct {
			ID     string `json:"id"`
			Object struct {
				Kind      string `json:"kind"`
				Namespace string `json:"namespace"`
				Name      string `json:"name"`
			} `json:"object"`
			Summary string `json:"summary"`
		} `json:"causes"`
	} `json:"diagnosis"`
}

// events reads the file to which gatemend appends one event a line.
type events struct {
	path string
	read int64
	all  []event
}

// poll reads what has been appended since the last call. A line that is still being written is left
// for the next one.
func (e *events) poll() error {
	f, err := os.Open(e.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil // gatemend has not said anything yet
	}
	if err != nil {
		return fmt.Errorf("read gatemend's events: %w", err)
	}
	defer f.Close()
	if _, err := f.Seek(e.read, io.SeekStart); err != nil {
		return fmt.Errorf("read gatemend's events: %w", err)
	}
	data, err := io.ReadAll(f)
	if err != nil {
		return fmt.Errorf("read gatemend's events: %w", err)
	}
	for {
		line, rest, whole := bytes.Cut(data, []byte("\n"))
		if !whole {
			return nil
		}
		var ev event
		if err := json.Unmarshal(line, &ev); err != nil {
			return fmt.Errorf("read gatemend's events: %s: %w", e.path, err)
		}
		e.all = append(e.all, ev)
		e.read += int64(len(line)) + 1
		data = rest
	}
}

// after gives the events since t.
func (e *events) after(t time.Time) []event {
	for i, ev := range e.all {
		if !ev.At.Before(t) {
			return e.all[i:]
		}
	}
	return nil
}
