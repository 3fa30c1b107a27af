package plan

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/accuracy/synth"
	"github.com/gatemend/gatemend/internal/diagnose"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan/plantest"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/source/dump"
)

// TestAPartIsEnough: a remedy that is tried on the part of the cluster that it has to do with fares as on all of it. Beside
// each cluster stand two copies of it in namespaces of their own, one with the same hosts and one with others, so that
// there is something to leave away, and something that must not be.
func TestAPartIsEnough(t *testing.T) {
	t.Run("the shop", func(t *testing.T) {
		var n tally
		for i, f := range faults() {
			in := f.input()
			n.hold(t, f.Name, among(t, in.Snapshot, i%2 == 0), in.Diagnosis, in.Memory)
			breaks := f.Break
			f.Break = func(c *plantest.Cluster) {
				breaks(c)
				c.Edit("IngressClass/nginx", "nginx.org/ingress-controller", "spec", "controller") // gives a host to its oldest Ingress
			}
			in = f.input()
			n.hold(t, f.Name+" behind F5's controller", among(t, in.Snapshot, true), in.Diagnosis, in.Memory)
		}
		if n.cut < len(faults()) {
			t.Errorf("of %d remedies, %d were tried on less than the whole", n.tried, n.cut)
		}
	})
	t.Run("scenarios", func(t *testing.T) {
		dir := t.TempDir()
		if err := synth.Write(dir); err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(dir, "*.json"))
		if err != nil {
			t.Fatal(err)
		}
		var n tally
		for i, file := range files {
			if i%9 != 0 {
				continue // recipes differ more than what one makes behind several gateways
			}
			s, err := dump.Read(file, dump.ReadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			d := diagnose.Diagnose(diagnose.Input{Snapshot: s})
			d.Causes = append(d.Causes, d.AlsoWrong...)
			n.hold(t, filepath.Base(file), among(t, s, i%2 == 0), d, Memory{})
		}
		if n.cut < 40 {
			t.Errorf("of %d remedies, %d were tried on less than the whole", n.tried, n.cut)
		}
	})
}

// tally counts remedies.
type tally struct{ tried, cut int }

// hold tries the remedies of a diagnosis on a part of the cluster and on the whole.
func (n *tally) hold(t *testing.T, name string, s *snapshot.Snapshot, d model.Diagnosis, m Memory) {
	t.Helper()
	w := newWalks(Input{Snapshot: s})
	for _, f := range d.Causes {
		for _, r := range candidates(w.caseOf(f, d.Observed, m)) {
			faults := []model.Fault{{Finding: f, Remedy: r}}
			got, want := w.try(faults...), w.tryIn(w.m, touched(faults), faults)
			if diff := cmp.Diff(seenOf(want), seenOf(got)); diff != "" {
				t.Errorf("%s: %s (-whole +part):\n%s", name, r.Summary, diff)
			}
			if n.tried++; got.in.Pods().Len() < s.Pods().Len() {
				n.cut++
			}
		}
	}
}

// seen is what a trial tells, without the addresses that new pods were given.
type seen struct {
	Refused       string
	Before, After []model.Trace
	Mended        []int
}

func seenOf(t trial) seen {
	plain := func(traces []model.Trace) []model.Trace {
		var out []model.Trace
		for _, t := range traces {
			t.Endpoints = nil
			out = append(out, t)
		}
		return out
	}
	return seen{t.refused.String(), plain(t.before), plain(t.after), t.mended}
}

// among gives a cluster with two copies of all that is in its namespaces beside it, older or as old as the original: of
// rules that conflict the oldest counts.
func among(t *testing.T, s *snapshot.Snapshot, older bool) *snapshot.Snapshot {
	t.Helper()
	b := snapshot.NewBuilder()
	twin, far := rename{suffix: "-twin", older: older}, rename{suffix: "-far", prefix: "far-", older: older}
	add := func(o metav1.Object) {
		if err := b.Add(o); err != nil {
			t.Fatal(err)
		}
	}
	for _, k := range snapshot.Kinds() {
		c, why := s.Coverage(k)
		b.Cover(k, c, s.Scope(k), why)
		for o := range s.AllOf(k) {
			add(o)
			if k == snapshot.Namespaces || o.GetNamespace() != "" && o.GetNamespace() != metav1.NamespaceSystem {
				add(twin.copy(t, o))
				add(far.copy(t, o))
			}
		}
	}
	return b.Seal(s.At())
}

// rename says how a copy differs from its original.
type rename struct {
	suffix string // of namespaces and UIDs
	prefix string // of hosts
	older  bool
}

func (r rename) copy(t *testing.T, o metav1.Object) metav1.Object {
	t.Helper()
	data, err := snapshot.JSONOf(o)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(data, &fields); err != nil {
		t.Fatal(err)
	}
	r.change(fields)
	if meta, ok := fields["metadata"].(map[string]any); ok && o.GetNamespace() == "" {
		meta["name"] = r.named(o.GetName())
	}
	if data, err = json.Marshal(fields); err != nil {
		t.Fatal(err)
	}
	c, err := snapshot.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// named gives a copy's namespace or UID. Of rules that are equally old the first by name counts.
func (r rename) named(text string) string {
	if r.older {
		return "a-" + text + r.suffix
	}
	return text + r.suffix
}

// change changes all fields in a value.
func (r rename) change(v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, field := range v {
			text, isText := field.(string)
			switch {
			case isText && (key == "namespace" || key == "uid"):
				v[key] = r.named(text)
			case isText && key == "host" && strings.Contains(text, "."):
				v[key] = r.prefix + text
			case isText && key == "creationTimestamp" && r.older:
				v[key] = "2001-02-03T04:05:06Z"
			default:
				r.change(field)
			}
		}
	case []any:
		for _, item := range v {
			r.change(item)
		}
	}
}
