package mend

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/gatemend/gatemend/internal/plan"
)

// FileJournal is a journal in a file, one JSON document per line. It is safe for use by several
// goroutines; other processes are kept out.
type FileJournal struct {
	path string
	mu   sync.Mutex
	file *os.File
}

// ErrInUse says that another process has a journal open: two that take up the same repair would act
// twice for one decision.
var ErrInUse = errors.New("another gatemend uses it")

// OpenJournal opens a journal, or begins one, and keeps other processes out of it until it is closed
// ([ErrInUse]). A last line that a crash has cut off is dropped: the act that it would have recorded
// is then in doubt, which is what its announcement is for.
func OpenJournal(path string) (*FileJournal, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	if err := lock(file); err != nil {
		return nil, fmt.Errorf("open journal %s: %w", path, errors.Join(err, file.Close()))
	}
	if err := dropHalfLine(path); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &FileJournal{path: path, file: file}, nil
}

func dropHalfLine(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("open journal: %w", err)
	}
	if whole := bytes.LastIndexByte(data, '\n') + 1; whole < len(data) {
		if err := os.Truncate(path, int64(whole)); err != nil {
			return fmt.Errorf("mend journal: %w", err)
		}
	}
	return nil
}

// Append writes an event through to the disk. Of one that cannot be written whole, such as to a full disk, nothing stays: the
// next one would be part of its line.
func (j *FileJournal) Append(e plan.Event) error {
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	before, err := j.file.Stat()
	if err != nil {
		return err
	}
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		return errors.Join(err, j.file.Truncate(before.Size()))
	}
	return j.file.Sync()
}

// Events reads everything that was appended. A line that cannot be read is an error that names it:
// acting on half a record is worse than not acting.
func (j *FileJournal) Events() ([]plan.Event, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	data, err := os.ReadFile(j.path)
	if err != nil {
		return nil, err
	}
	return Decode(j.path, data)
}

// Decode reads the events of a journal's content. name stands in errors.
func Decode(name string, data []byte) ([]plan.Event, error) {
	var events []plan.Event
	n := 0
	for line := range bytes.Lines(data) {
		n++
		var e plan.Event
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, n, err)
		}
		events = append(events, e)
	}
	return events, nil
}

// Close closes the file.
func (j *FileJournal) Close() error { return j.file.Close() }

// MemoryJournal keeps events as long as the process lives. The zero value is empty.
type MemoryJournal struct {
	mu     sync.Mutex
	events []plan.Event
}

// Append keeps an event.
func (j *MemoryJournal) Append(e plan.Event) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.events = append(j.events, e)
	return nil
}

// Events gives a copy of what is kept.
func (j *MemoryJournal) Events() ([]plan.Event, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]plan.Event(nil), j.events...), nil
}
