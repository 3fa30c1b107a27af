package model_test

import (
	"slices"
	"testing"

	"github.com/gatemend/gatemend/internal/model"
)

func TestPointerSteps(t *testing.T) {
	for pointer, want := range map[string][]string{
		"/spec/ports/0/port":            {"spec", "ports", "0", "port"},
		"/metadata/annotations/a.b~1c":  {"metadata", "annotations", "a.b/c"},
		"/metadata/annotations/~01~1~0": {"metadata", "annotations", "~1/~"},
		"/spec/selector/":               {"spec", "selector", ""},
		"":                              {""},
	} {
		if got := model.PointerSteps(pointer); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", pointer, got, want)
		}
	}
}
