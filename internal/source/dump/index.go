package dump

import (
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// The index of a dump that gatemend wrote: a file that says what was looked for.
const (
	indexFile    = "dump.yaml"
	indexVersion = model.APIVersion
	indexKind    = "Dump"
)

// index is the index of a dump. The kinds are in the order of [snapshot.Kinds].
type index struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	At         time.Time      `json:"at"` // when the cluster was read
	Kinds      []entry        `json:"kinds"`
	Notes      []model.Unseen `json:"notes,omitempty"` // what could not be read when the dump was made
}

// entry says how much of one kind a dump was made with.
type entry struct {
	Kind      snapshot.Kind `json:"kind"`
	Coverage  string        `json:"coverage"` // as [snapshot.Coverage.String] has it
	Namespace string        `json:"namespace,omitempty"`
	Why       string        `json:"why,omitempty"`
	Count     int           `json:"count"`
}

// coverage reads the word of an entry. A word that this version does not know counts as not read.
func (e entry) coverage() snapshot.Coverage {
	for c := snapshot.NotRead; c <= snapshot.Failed; c++ {
		if c.String() == e.Coverage {
			return c
		}
	}
	return snapshot.NotRead
}

// entry finds the entry of a kind.
func (x *index) entry(k snapshot.Kind) (entry, bool) {
	for _, e := range x.Kinds {
		if e.Kind == k {
			return e, true
		}
	}
	return entry{}, false
}
