package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func podForbidden() Analyzer {
	return Analyzer{
		Cause:  "pod-forbidden",
		Doc:    "Finds workloads that do not start or serve because their ServiceAccount lacks a right.",
		Inputs: append(podKinds(), snapshot.Other),
		run: func(v *view) []finding {
			var out []finding
			for _, w := range v.workloads {
				if f, ok := v.forbidden(w); ok {
					out = append(out, f)
				}
			}
			return out
		},
	}
}

// forbiddenWords matches the API server's refusal (k8s.io/apiserver, authorizer: Forbidden).
var forbiddenWords = regexp.MustCompile(`User "system:serviceaccount:([^:"]+):([^"]+)" cannot (\S+) resource "([^"]+)"`)

// forbidden finds the API server's refusal in a workload's logs, where the workload does not serve or
// answers errors.
func (v *view) forbidden(w *workload) (finding, bool) {
	if len(v.needy(w)) == 0 {
		return finding{}, false
	}
	for _, log := range v.in.Logs {
		if !v.ofWorkload(w, log.Pod) {
			continue
		}
		for _, l := range log.Lines {
			m := forbiddenWords.FindStringSubmatch(strings.ReplaceAll(l, `\"`, `"`))
			if m == nil {
				continue
			}
			account := model.Ref{APIVersion: "v1", Kind: "ServiceAccount", Namespace: m[1], Name: m[2]}
			f := find("pod-forbidden", proven, v.grantOf(w, account), fmt.Sprintf("%s runs as %s, which may not %s %s", w.ref, account, m[3], m[4])).
				on(v.rootsOf(w)...).as(model.NoEndpoints, model.UpstreamStatus, model.Refused, model.ResponseTimeout, model.NoRoute).relates("workload", w.ref).relates("account", account)
			f.Evidence = append(f.Evidence, model.Evidence{Kind: "app-log", Text: strings.TrimSpace(l), Source: sourceOf(log)})
			return f, true
		}
	}
	return finding{}, false
}

// grantOf is where a right would be granted: the Role that is bound to the account, else the account's
// place in the workload.
func (v *view) grantOf(w *workload, account model.Ref) model.FieldRef {
	for o := range v.s.Others().All() {
		if o.GetKind() != "RoleBinding" && o.GetKind() != "ClusterRoleBinding" || !binds(o, account) {
			continue
		}
		kind, _, _ := unstructured.NestedString(o.Object, "roleRef", "kind")
		name, _, _ := unstructured.NestedString(o.Object, "roleRef", "name")
		ref := model.Ref{APIVersion: o.GetAPIVersion(), Kind: kind, Name: name}
		if kind == "Role" {
			ref.Namespace = o.GetNamespace()
		}
		return at(ref, "rules")
	}
	for o := range v.s.Others().All() {
		if o.GetKind() != "RoleBinding" && o.GetKind() != "ClusterRoleBinding" || o.GetKind() == "RoleBinding" && o.GetNamespace() != w.ref.Namespace {
			continue
		}
		if i := v.nearSubject(o, account); i >= 0 {
			return at(snapshot.RefOf(o), fmt.Sprintf("subjects[%d].name", i))
		}
	}
	return at(w.ref, "spec.template.spec.serviceAccountName")
}

// nearSubject is the subject of a binding that was probably meant to be an account: one of nearly its name, or of its
// name in another namespace, that no workload runs as; -1 if there is none.
func (v *view) nearSubject(o *unstructured.Unstructured, account model.Ref) int {
	subjects, _, _ := unstructured.NestedSlice(o.Object, "subjects")
	for i, s := range subjects {
		m, ok := s.(map[string]any)
		if !ok || m["kind"] != "ServiceAccount" {
			continue
		}
		name, _ := m["name"].(string)
		if name != account.Name && slices.ContainsFunc(v.templates(account.Namespace), func(t template) bool { return t.template.Spec.ServiceAccountName == name }) {
			continue
		}
		if m["namespace"] == account.Namespace && (alike(name, account.Name) || strings.HasPrefix(name, account.Name+"-")) || name == account.Name && name != "default" {
			return i
		}
	}
	return -1
}

func binds(o *unstructured.Unstructured, account model.Ref) bool {
	subjects, _, _ := unstructured.NestedSlice(o.Object, "subjects")
	for _, s := range subjects {
		if m, ok := s.(map[string]any); ok && m["kind"] == "ServiceAccount" && m["name"] == account.Name && m["namespace"] == account.Namespace {
			return true
		}
	}
	return false
}
