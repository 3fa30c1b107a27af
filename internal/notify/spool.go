package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Entry is what is known of one incident's message in one channel.
type Entry struct {
	Channel string `json:"channel"`
	Key     string `json:"key"`
	// Waiting is what is still to be sent.
	Waiting *Message `json:"waiting,omitempty"`
	// Sent is the digest of what was sent last; empty: nothing.
	Sent   string `json:"sent,omitempty"`
	Handle Handle `json:"handle,omitempty"`
	// Title and State are those of the last message, sent or not.
	Title string `json:"title"`
	State State  `json:"state"`
	// Folded is the key of the digest in whose place nothing is sent of the incident itself.
	Folded string `json:"folded,omitempty"`
	// Since is when the first message came, Updated when the last one did.
	Since    time.Time `json:"since"`
	Updated  time.Time `json:"updated"`
	Attempts int       `json:"attempts,omitempty"`
	// Next is when it is to be sent.
	Next time.Time `json:"next,omitzero"`
}

// Spool keeps entries beyond the program's life. It is used by one goroutine at a time.
type Spool interface {
	Load() ([]Entry, error)
	Put(e Entry) error
	Delete(channel, key string) error
}

// FileSpool keeps each entry in a file of a folder.
type FileSpool struct{ dir string }

// OpenSpool opens a folder of entries, and makes it if need be.
func OpenSpool(dir string) (*FileSpool, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the queue of notifications: %w", err)
	}
	return &FileSpool{dir: dir}, nil
}

func (s *FileSpool) path(channel, key string) string {
	sum := sha256.Sum256([]byte(channel + "\x00" + key))
	return filepath.Join(s.dir, hex.EncodeToString(sum[:16])+".json")
}

// Load reads all entries. A file that cannot be read is left out and told of: one bad file must not silence all.
func (s *FileSpool) Load() ([]Entry, error) {
	files, err := filepath.Glob(filepath.Join(s.dir, "*.json"))
	if err != nil {
		return nil, err
	}
	var all []Entry
	var bad error
	for _, file := range files {
		var e Entry
		data, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(data, &e)
		}
		if err != nil || e.Key == "" {
			bad = errors.Join(bad, fmt.Errorf("read %s: %w", filepath.Base(file), errors.Join(err, errNoEntry(e))))
			continue
		}
		all = append(all, e)
	}
	return all, bad
}

func errNoEntry(e Entry) error {
	if e.Key == "" {
		return errors.New("it is no entry of the queue")
	}
	return nil
}

// Put writes an entry whole or not at all.
func (s *FileSpool) Put(e Entry) error {
	data, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("write the queue of notifications: %w", err)
	}
	target := s.path(e.Channel, e.Key)
	if err := os.WriteFile(target+".part", data, 0o600); err != nil {
		return fmt.Errorf("write the queue of notifications: %w", err)
	}
	if err := os.Rename(target+".part", target); err != nil {
		return fmt.Errorf("write the queue of notifications: %w", err)
	}
	return nil
}

// Delete removes an entry, if there is one.
func (s *FileSpool) Delete(channel, key string) error {
	if err := os.Remove(s.path(channel, key)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("write the queue of notifications: %w", err)
	}
	return nil
}
