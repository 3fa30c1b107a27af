package nodefile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/gatemend/gatemend/internal/signal/wholefile"
)

// place is a point in a log up to which it was read.
type place struct {
	Head   head  `json:"head"` // of the file
	Offset int64 `json:"offset"`
	// Taken is how many lines after Offset were taken already. It is not 0 while a line that the
	// runtime split is read: Offset is at its first part then, and other lines may stand among the parts.
	Taken int `json:"taken,omitempty"`
	// Done are the files that were read to their end, the newest last.
	Done []head `json:"done,omitempty"`
}

// mostDone is how many finished files a place remembers: more than any rotation keeps.
const mostDone = 32

// checkpoint is what is kept between runs.
type checkpoint struct {
	Version int              `json:"version"`
	Logs    map[string]place `json:"logs"` // by path
}

const checkpointVersion = 1

// errCheckpoint means that a checkpoint's form is not known.
var errCheckpoint = errors.New("it is not a checkpoint of this version")

// loadCheckpoint reads a checkpoint; found is false if there is none yet.
func loadCheckpoint(path string) (c checkpoint, found bool, err error) {
	c = checkpoint{Version: checkpointVersion, Logs: map[string]place{}}
	if path == "" {
		return c, false, nil
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, false, nil
	}
	if err != nil {
		return c, false, fmt.Errorf("read checkpoint: %w", err)
	}
	read, err := parseCheckpoint(b)
	if err != nil {
		return c, false, fmt.Errorf("read checkpoint %s: %w", path, err)
	}
	return read, true, nil
}

func parseCheckpoint(b []byte) (checkpoint, error) {
	var c checkpoint
	if err := json.Unmarshal(b, &c); err != nil {
		return c, err
	}
	if c.Version != checkpointVersion {
		return c, errCheckpoint
	}
	if c.Logs == nil {
		c.Logs = map[string]place{}
	}
	for path, p := range c.Logs {
		if p.Offset < 0 || p.Taken < 0 || p.Head.Size < 0 || p.Head.Size > headSize || len(p.Done) > mostDone {
			return c, fmt.Errorf("%w: %s", errCheckpoint, path)
		}
		for _, d := range p.Done {
			if d.Size < 0 || d.Size > headSize {
				return c, fmt.Errorf("%w: %s", errCheckpoint, path)
			}
		}
	}
	return c, nil
}

// save replaces the checkpoint as a whole.
func (c checkpoint) save(path string) error {
	b, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("write checkpoint: %w", err)
	}
	if err := wholefile.Write(path, b); err != nil {
		return fmt.Errorf("write checkpoint: %w", err)
	}
	return nil
}
