package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gatemend/gatemend/accuracy/reported"
	"github.com/gatemend/gatemend/internal/model"
)

// scenario is a cluster with at most one fault, and the right answer.
type scenario struct {
	name          string
	objects, logs string // paths; logs is empty where there are none
	want          expectation
}

// expectation is a scenario's answer.
type expectation struct {
	Healthy  bool            `json:"healthy"`
	Family   string          `json:"family"`
	CauseIDs []model.CauseID `json:"causeIds"` // any of them is right as the first cause
	Incident struct {
		Host string `json:"host"`
		Path string `json:"path"`
	} `json:"incident"`
	RootCause struct {
		Object model.Ref `json:"object"`
		Field  string    `json:"field"`
	} `json:"rootCause"`
	Alternatives []model.FieldRef `json:"acceptableAlternatives"`
	MustNotBlame []model.Ref      `json:"mustNotBlame"`
}

// places lists the right objects with the right field of each.
func (e expectation) places() []model.FieldRef {
	return append([]model.FieldRef{{Ref: e.RootCause.Object, Field: e.RootCause.Field}}, e.Alternatives...)
}

func readScenarios(dir string) ([]scenario, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.expect.yaml"))
	if err != nil {
		return nil, err
	}
	var out []scenario
	for _, file := range files {
		base := strings.TrimSuffix(file, ".expect.yaml")
		s := scenario{name: filepath.Base(base), objects: base + ".yaml"}
		if err := reported.ReadYAML(file, &s.want); err != nil {
			return nil, err
		}
		if _, err := os.Stat(s.objects); errors.Is(err, fs.ErrNotExist) {
			s.objects = base + ".json"
		}
		switch info, err := os.Stat(base + ".logs"); {
		case err == nil && info.IsDir():
			s.logs = base + ".logs"
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}
