package detection

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"
)

// event is the part of gatemend's printed events that is read here.
type event struct {
	Type  string    `json:"type"`
	At    time.Time `json:"at"`
	Route string    `json:"route"`
	Text  string    `json:"text"`
}

// events reads the file to which a gatemend appends. A line that is still being written is left out.
func events(path string) ([]event, error) {
	data, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read gatemend's events: %w", err)
	}
	var all []event
	for {
		line, rest, whole := bytes.Cut(data, []byte("\n"))
		if !whole {
			return all, nil
		}
		var e event
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, fmt.Errorf("read gatemend's events: %s: %w", path, err)
		}
		all, data = append(all, e), rest
	}
}

// first gives the time of the first event of a type since a moment on a host's route; with a word, whose text has it.
func first(all []event, kind, host, word string, since time.Time) time.Time {
	for _, e := range all {
		on, _, _ := strings.Cut(e.Route, "/")
		if e.Type == kind && on == host && !e.At.Before(since) && strings.Contains(e.Text, word) {
			return e.At
		}
	}
	return time.Time{}
}
