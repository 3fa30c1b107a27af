package dump

import (
	"strings"
	"testing"

	"github.com/gatemend/gatemend/internal/snapshot"
)

func TestCoverage(t *testing.T) {
	index := func(kinds string) string {
		return "apiVersion: gatemend.dev/v1alpha1\nkind: Dump\nat: \"2026-01-01T00:00:00Z\"\nkinds:\n" + kinds
	}
	const node = "apiVersion: v1\nkind: Node\nmetadata:\n  name: node-1\n"
	for name, tc := range map[string]struct {
		files map[string]string
		kind  snapshot.Kind
		want  snapshot.Coverage
		why   string // in the reason
	}{
		"a kind of several namespaces":     {map[string]string{"a.yaml": webPod + "---\n" + otherPod}, snapshot.Pods, snapshot.Complete, ""},
		"a kind that does not occur":       {map[string]string{"a.yaml": webPod + "---\n" + otherPod}, snapshot.NetworkPolicies, snapshot.NotRead, "holds none"},
		"an empty typed list":              {map[string]string{"a.yaml": webPod + "---\n" + otherPod, "b.json": `{"kind":"NetworkPolicyList","apiVersion":"networking.k8s.io/v1","items":[]}`}, snapshot.NetworkPolicies, snapshot.Complete, ""},
		"a kind in one of the namespaces":  {map[string]string{"a.yaml": webPod + "---\n" + otherPod + "---\n" + cartService}, snapshot.Services, snapshot.Complete, ""},
		"a dump of one namespace":          {map[string]string{"a.yaml": webPod + "---\n" + cartService + "---\n" + node}, snapshot.Services, snapshot.Partial, `namespace "shop" only`},
		"nodes in a dump of one namespace": {map[string]string{"a.yaml": webPod + "---\n" + cartService + "---\n" + node}, snapshot.Nodes, snapshot.Complete, ""},
		"a list that was cut by the API server": {map[string]string{"a.json": `{"kind":"PodList","apiVersion":"v1","metadata":{"continue":"abc"},"items":[]}`, "b.yaml": cartService},
			snapshot.Pods, snapshot.Partial, "more was to be asked for"},
		"damage elsewhere":               {map[string]string{"a.yaml": webPod + "---\n" + otherPod, "b.yaml": "kind: ["}, snapshot.Pods, snapshot.Partial, "damaged at b.yaml:1"},
		"something that is no object":    {map[string]string{"a.yaml": webPod + "---\n" + otherPod, "values.yaml": "a: 1"}, snapshot.Pods, snapshot.Complete, ""},
		"the index says complete":        {map[string]string{"dump.yaml": index("- {kind: NetworkPolicy, coverage: complete, count: 0}\n"), "a.yaml": cartService}, snapshot.NetworkPolicies, snapshot.Complete, ""},
		"the index says forbidden":       {map[string]string{"dump.yaml": index("- {kind: Node, coverage: forbidden, why: nodes is forbidden, count: 0}\n"), "a.yaml": cartService}, snapshot.Nodes, snapshot.Denied, "nodes is forbidden"},
		"the index does not speak of it": {map[string]string{"dump.yaml": index("- {kind: Node, coverage: complete, count: 0}\n"), "a.yaml": cartService}, snapshot.Ingresses, snapshot.NotRead, "made without"},
		"a file of the index is gone":    {map[string]string{"dump.yaml": index("- {kind: Pod, coverage: complete, count: 3}\n"), "a.yaml": webPod}, snapshot.Pods, snapshot.Partial, "made with 3 and holds 1"},
		"a word of a newer index":        {map[string]string{"dump.yaml": index("- {kind: Pod, coverage: sampled, count: 0}\n"), "a.yaml": cartService}, snapshot.Pods, snapshot.NotRead, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, why := read(t, tc.files).Coverage(tc.kind)
			if got != tc.want || !strings.Contains(why, tc.why) {
				t.Errorf("coverage %q because %q, want %q because of %q", got, why, tc.want, tc.why)
			}
		})
	}
}

// TestOneNamespace: in a dump of one namespace what is missing there does not exist, and what is
// missing elsewhere is not known.
func TestOneNamespace(t *testing.T) {
	s := read(t, map[string]string{"a.yaml": cartService + "---\n" + webPod})
	if _, p := s.Services().Get("shop", "basket"); p != snapshot.Absent {
		t.Errorf("shop/basket is %v, want absent", p)
	}
	if _, p := s.Services().Get("other", "basket"); p != snapshot.Unknown {
		t.Errorf("other/basket is %v, want unknown", p)
	}
}
