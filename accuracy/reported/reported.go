// Package reported reads cases that people reported: what they saw, and the cause that was confirmed.
package reported

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/gatemend/gatemend/internal/model"
)

// Case is what somebody reported: lines and facts, and the cause that was confirmed.
type Case struct {
	ID       string `json:"id"`
	Evidence []struct {
		Text string `json:"text"`
	} `json:"evidence"`
	CauseID    model.CauseID   `json:"cause_id"`
	AlsoAccept []model.CauseID `json:"also_accept"`
	Family     string          `json:"family"`
}

// Right reports whether an answer is the confirmed cause or one that the same evidence allows.
func (c Case) Right(id model.CauseID) bool { return slices.Contains(c.Causes(), id) }

// Causes are the confirmed cause and those that the same evidence allows.
func (c Case) Causes() []model.CauseID { return append([]model.CauseID{c.CauseID}, c.AlsoAccept...) }

// Text is the evidence as it is pasted, a line each.
func (c Case) Text() string {
	var paste strings.Builder
	for _, e := range c.Evidence {
		fmt.Fprintln(&paste, e.Text)
	}
	return paste.String()
}

// Read reads the cases of a folder; scenarios in it are left out.
func Read(dir string) ([]Case, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return nil, err
	}
	var out []Case
	for _, file := range files {
		if strings.HasSuffix(file, ".expect.yaml") {
			continue
		}
		switch _, err := os.Stat(strings.TrimSuffix(file, ".yaml") + ".expect.yaml"); {
		case err == nil:
			continue // a scenario
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
		var c Case
		if err := ReadYAML(file, &c); err != nil {
			return nil, err
		}
		if c.CauseID != "" {
			out = append(out, c)
		}
	}
	return out, nil
}

// ReadYAML reads a file of a case.
func ReadYAML(file string, into any) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := yaml.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}
