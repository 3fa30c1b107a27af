package remedy

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// finish completes a remedy: its first change, what takes it back, and its proof.
func finish(c Case, r model.Remedy) model.Remedy {
	r.Cause = c.Finding.ID
	if len(r.Changes) > 0 {
		r.Change = r.Changes[0]
	}
	r.Undo = Undo(r.Changes)
	if r.Proof == "" {
		r.Proof = model.ProofTraffic
	}
	if r.Kubectl == "" {
		r.Kubectl = Kubectl(byHand(c.Snapshot, r.Changes))
	}
	return r
}

// Undo lists what takes changes back, last first. An evicted pod is not brought back: its
// controller has replaced it.
func Undo(changes []model.Change) []model.Change {
	undo := []model.Change{}
	for _, c := range slices.Backward(changes) {
		if inverse, ok := c.Inverse(); ok {
			inverse.Fields = leaves(inverse.Fields)
			undo = append(undo, inverse)
		}
	}
	return undo
}

// leaves takes back the keys of annotations and labels that were added with their map one by one:
// others write to the same maps, and what they have written meanwhile is theirs.
func leaves(fields []model.FieldChange) []model.FieldChange {
	var out []model.FieldChange
	for _, f := range fields {
		var added map[string]json.RawMessage
		shared := strings.HasSuffix(f.Path, "/annotations") || strings.HasSuffix(f.Path, "/labels")
		if !shared || f.New != nil || json.Unmarshal(f.Old, &added) != nil {
			out = append(out, f)
			continue
		}
		for _, k := range slices.Sorted(maps.Keys(added)) {
			out = append(out, model.FieldChange{Path: f.Path + pointer([]string{k}), Old: added[k]})
		}
	}
	return out
}

// object finds what a finding is about, with its JSON form.
func object(s *snapshot.Snapshot, ref model.Ref) (metav1.Object, any, bool) {
	o, presence := s.Lookup(ref)
	if presence != snapshot.Present {
		return nil, nil, false
	}
	t, err := tree(o)
	return o, t, err == nil
}

// wanted reads Finding.Wanted. A text that is not JSON is taken as a string, so that a bare name
// does no harm.
func wanted(f model.Finding) (any, bool) {
	if f.Wanted == "" {
		return nil, false
	}
	v, err := decode([]byte(f.Wanted))
	if err != nil {
		return f.Wanted, true
	}
	return v, true // null: no value at all
}

// patchOf is a patch of one object.
func patchOf(o metav1.Object, fields ...model.FieldChange) model.Change {
	return model.Change{
		Op: model.OpPatch, Target: snapshot.RefOf(o), ResourceVersion: o.GetResourceVersion(), UID: string(o.GetUID()), Fields: fields,
	}
}

// oneField is the remedy that sets the finding's field to a value, which is the smallest there is.
func oneField(c Case, action string, risk model.Risk, value any, why string) []model.Remedy {
	o, t, ok := object(c.Snapshot, c.Finding.Object.Ref)
	if !ok {
		return nil
	}
	path, err := tokens(c.Finding.Object.Field)
	if err != nil {
		return nil
	}
	change, ok := set(t, path, value)
	if !ok {
		return nil
	}
	return []model.Remedy{finish(c, model.Remedy{
		Action: action, Risk: risk, Why: why,
		Changes: []model.Change{patchOf(o, change)},
		Summary: summary(lastName(path), change.Old, encode(value), snapshot.RefOf(o)),
	})}
}

// lastName is how a person calls a field: its last step, or the map and key of an annotation.
func lastName(path []string) string {
	n := len(path)
	switch {
	case n > 1 && path[n-2] == "selector":
		return "selector " + path[n-1]
	case n > 2 && path[n-2] == "port" && path[n-3] == "service":
		return "backend port"
	case n > 2 && path[n-1] == "name" && path[n-2] == "service":
		return "backend"
	case n > 3 && path[n-3] == "backendRefs":
		return "backend " + path[n-1]
	case n > 2 && strings.HasSuffix(path[n-3], "Probe"):
		return path[n-3] + " " + path[n-1]
	case n > 2 && path[n-2] == "limits":
		return path[n-1] + " limit"
	default:
		return path[n-1]
	}
}

// summary reads "targetPort 9999 -> 8080 on Service shop/cart".
func summary(name string, before, after json.RawMessage, on model.Ref) string {
	return fmt.Sprintf("%s %s -> %s on %s", name, plain(before), plain(after), on)
}

// plain writes a JSON value for a person: strings without quotes, nothing as "(none)".
func plain(v json.RawMessage) string {
	if v == nil || string(v) == "null" {
		return "(none)"
	}
	var s string
	if json.Unmarshal(v, &s) == nil {
		return s
	}
	return string(v)
}

// why says where a value comes from.
func why(f model.Finding, fallback string) string {
	if good, ok := f.Related["goodRevision"]; ok {
		return fmt.Sprintf("it had this value in the last revision that worked, %s", good)
	}
	if w, ok := f.Related["workload"]; ok && strings.HasPrefix(f.Object.Field, "spec.selector") {
		return fmt.Sprintf("the pods of %s carry these labels", w)
	}
	return fallback
}

// shorten keeps a name within what the API server takes, with room for a number.
func shorten(name string) string {
	const most = 240 // of 253 (RFC 1123 subdomain)
	return strings.TrimRight(name[:min(len(name), most)], "-.")
}

// freeName is a name that no object of the target's kind has in its namespace, with a number where the plain one is taken.
func freeName(s *snapshot.Snapshot, target model.Ref, name string) string {
	taken := func(name string) bool {
		target.Name = name
		_, presence := s.Lookup(target)
		return presence == snapshot.Present
	}
	free := name
	for n := 2; taken(free); n++ {
		free = fmt.Sprintf("%s-%d", name, n)
	}
	return free
}
