package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// ErrNotFound says that there is no cluster of a name.
var ErrNotFound = errors.New("no such cluster")

// spec is what Up was told. It is stored before anything else is made.
type spec struct {
	// Nodes is how many nodes there are.
	Nodes int `json:"nodes"`
	// Audit says whether the API server writes an audit log.
	Audit bool `json:"audit"`
	// KeepOrphans says whether pods of nodes that are gone stay.
	KeepOrphans bool `json:"keepOrphans,omitempty"`
	// LogSize is the size at which the kubelets rotate logs; empty: their default.
	LogSize string `json:"logSize,omitempty"`
}

// readSpec loads a cluster's spec; ErrNotFound if there is none.
func readSpec(l layout) (spec, error) {
	data, err := os.ReadFile(l.spec())
	if errors.Is(err, fs.ErrNotExist) {
		return spec{}, fmt.Errorf("%w: %s", ErrNotFound, l.name)
	}
	if err != nil {
		return spec{}, fmt.Errorf("read cluster spec: %w", err)
	}
	var s spec
	if err := json.Unmarshal(data, &s); err != nil {
		return spec{}, fmt.Errorf("read cluster spec %s: %w", l.spec(), err)
	}
	if s.Nodes < 1 || s.Nodes > MaxNodes {
		return spec{}, fmt.Errorf("read cluster spec %s: it has %d nodes", l.spec(), s.Nodes)
	}
	return s, nil
}

// write stores the spec in a file that is never half written.
func (s spec) write(l layout) error {
	data, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("write cluster spec: %w", err)
	}
	return writeFile(l.spec(), data, 0o644)
}

// writeFile writes a file that appears under its name only when complete.
func writeFile(path string, data []byte, mode fs.FileMode) error {
	part := path + ".part"
	if err := os.WriteFile(part, data, mode); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(part, path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
