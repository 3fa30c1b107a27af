package main

import (
	"path"
	"slices"
	"strings"
	"time"

	"github.com/gatemend/gatemend/accuracy/reported"
	"github.com/gatemend/gatemend/internal/model"
)

// verdict is how an answer compares with the right one.
type verdict struct {
	scenario, mode string
	family         string
	healthy        bool // the cluster has no fault
	wanted, got    model.CauseID
	id             bool // the first cause's id is right
	object         bool // and so is its object
	field          bool // its object and field are right, to the letter
	near           bool // its object is right, and its field or one above or below it
	blamed         []model.Ref
	// strict is 0 if the root cause is missed, else the precision of the list of causes.
	strict     float64
	confidence float64 // of the first cause
	first      model.FieldRef
	causes     int
	took       time.Duration
}

func judge(s scenario, mode string, d model.Diagnosis, took time.Duration) verdict {
	v := verdict{scenario: s.name, mode: mode, family: s.want.Family, healthy: s.want.Healthy, causes: len(d.Causes), took: took, wanted: "(healthy)", got: "(none)"}
	if len(s.want.CauseIDs) > 0 {
		v.wanted = s.want.CauseIDs[0]
	}
	right := 0
	for i, c := range d.Causes {
		id, object, field, near := compare(s.want, c)
		if i == 0 {
			v.got, v.first, v.confidence = c.ID, c.Object, c.Confidence
			v.id, v.object, v.field, v.near = id, object, field, near
			if id {
				v.wanted = c.ID // of several right ones the one that was given
			}
		}
		if id && object {
			right++
		}
		for _, innocent := range s.want.MustNotBlame {
			if same(innocent, c.Object.Ref) && (!id || !object) {
				v.blamed = append(v.blamed, c.Object.Ref)
			}
		}
	}
	if right > 0 {
		v.strict = float64(right) / float64(len(d.Causes))
	}
	return v
}

// compare holds one cause against the right answer.
func compare(want expectation, c model.Finding) (id, object, field, near bool) {
	id = slices.Contains(want.CauseIDs, c.ID)
	for _, p := range want.places() {
		if !same(p.Ref, c.Object.Ref) {
			continue
		}
		object = true
		field = field || p.Field == c.Object.Field || p.Field == ""
		near = near || field || under(p.Field, c.Object.Field) || under(c.Object.Field, p.Field)
	}
	return id, object, field, near
}

// under reports whether a field lies below another one.
func under(field, of string) bool {
	rest, ok := strings.CutPrefix(field, of)
	return of == "" || ok && (strings.HasPrefix(rest, ".") || strings.HasPrefix(rest, "["))
}

// same reports whether an object is the wanted one. The version of its API does not count; a name that ends
// in * is a pattern.
func same(want, got model.Ref) bool {
	if want.Kind != got.Kind || want.Namespace != got.Namespace {
		return false
	}
	ok, err := path.Match(want.Name, got.Name)
	return want.Name == got.Name || err == nil && ok
}

// passed: the whole answer is right.
func (v verdict) passed() bool {
	if v.healthy {
		return v.causes == 0
	}
	return v.id && v.object && v.field && len(v.blamed) == 0
}

// explained is how the answer to a case's words compares with the confirmed cause.
type explained struct {
	id, family  string
	wanted, got model.CauseID
	first       bool
	third       bool // among the first three
}

func judgeCase(c reported.Case, ids []model.CauseID) explained {
	e := explained{id: c.ID, family: c.Family, wanted: c.CauseID, got: "(none)"}
	if len(ids) > 0 {
		e.got, e.first = ids[0], c.Right(ids[0])
	}
	e.third = slices.ContainsFunc(ids[:min(3, len(ids))], c.Right)
	return e
}
