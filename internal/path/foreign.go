package path

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path/netpol"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// foreign is what [Map.coveredEnds] says, and Unknown where policies of a network plugin's own kind
// select one of the pods: they are not evaluated, so whether they admit the connection is not known.
func (m *Map) foreign(from, to *corev1.Pod) (model.Verdict, *Block) {
	for _, u := range m.plugins {
		for _, p := range []*corev1.Pod{to, from} {
			if p != nil && pluginSelects(u, m.end(p)) {
				return model.Unknown, &Block{Why: fmt.Sprintf("%s selects pod %s/%s, and policies of this kind are not evaluated", snapshot.RefOf(u), p.Namespace, p.Name)}
			}
		}
	}
	return m.coveredEnds(from, to)
}

// ciliumPolicy reports whether an object is a policy of Cilium.
func ciliumPolicy(u *unstructured.Unstructured) bool {
	group, _, _ := strings.Cut(u.GetAPIVersion(), "/")
	return group == "cilium.io" && strings.HasSuffix(u.GetKind(), "NetworkPolicy")
}

// pluginPolicy reports whether an object is a policy of Calico or the network-policy-api. Those that are staged are not in force
// (docs.tigera.io, Staged network policy).
func pluginPolicy(u *unstructured.Unstructured) bool {
	group, _, _ := strings.Cut(u.GetAPIVersion(), "/")
	return slices.Contains([]string{"crd.projectcalico.org", "projectcalico.org", "policy.networking.k8s.io"}, group) &&
		strings.HasSuffix(u.GetKind(), "NetworkPolicy") && !strings.HasPrefix(u.GetKind(), "Staged")
}

// pluginSelects reports whether such a policy selects a pod, as far as that can be read: what cannot
// counts as selecting it.
func pluginSelects(u *unstructured.Unstructured, e netpol.End) bool {
	if e.Pod == nil || e.Host || u.GetNamespace() != "" && u.GetNamespace() != e.Pod.Namespace {
		return false
	}
	if admins(u) {
		subject, _, _ := unstructured.NestedFieldNoCopy(u.Object, "spec", "subject")
		return adminFits(subject, e)
	}
	if text, ok, err := unstructured.NestedString(u.Object, "spec", "namespaceSelector"); ok && err == nil && !e.Unread && !calicoSelects(text, e.Namespace) {
		return false
	}
	if text, ok, err := unstructured.NestedString(u.Object, "spec", "selector"); ok && err == nil {
		return calicoSelects(text, e.Pod.Labels)
	}
	return true
}

// calicoSelects reads of Calico's selectors the form key == 'value', also joined by &&, in which nearly
// all are written (docs.tigera.io, Selectors); all others count as selecting, and so do labels that Calico adds on its own.
func calicoSelects(selector string, have map[string]string) bool {
	if strings.ContainsAny(selector, "|!(") {
		return true
	}
	for part := range strings.SplitSeq(selector, "&&") {
		key, value, ok := strings.Cut(part, "==")
		key = strings.TrimSpace(key)
		own := strings.HasPrefix(key, "projectcalico.org/") || strings.HasPrefix(key, "pcns.")
		if ok && !own && have[key] != strings.Trim(strings.TrimSpace(value), `'"`) {
			return false
		}
	}
	return true
}
