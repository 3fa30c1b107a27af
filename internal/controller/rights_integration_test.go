//go:build integration

package controller_test

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/gatemend/gatemend/api/v1alpha1"
	"github.com/gatemend/gatemend/internal/controller"
)

// The roles of config/rbac/controller.yaml let the controller do what it does, and nothing that it does not: it runs
// with them here, from an alarm by way of an approval to the deletion of the old incident. No role lets anybody read
// Secrets.
func TestRightsAreThoseThatAreUsed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.keep = time.Second
	policy := allAuto("ask", v1alpha1.Rule{Name: "all", Mode: v1alpha1.ModeApprove})
	if err := clientFor(t, w.api.Admin).Create(t.Context(), policy); err != nil {
		t.Fatal(err)
	}
	p := w.start("a", controller.Auto, nil)
	w.setPort(badPort)
	i := w.awaitPhase(v1alpha1.PhaseAwaitingApproval)
	w.awaitVouched()
	label := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"team":"shop"}}}`)) // the next write conflicts
	if err := w.admin.Patch(t.Context(), i.DeepCopy(), label); err != nil {
		t.Fatal(err)
	}
	yes := approvalBy("yes", "admin")
	yes.Spec.Incident.Name, yes.Spec.Plan = i.Name, i.Status.Plan.ID
	w.api.Allow(t, "admin", "shop", rbacv1.PolicyRule{APIGroups: []string{v1alpha1.Group}, Resources: []string{"remediationapprovals"}, Verbs: []string{"create"}})
	if err := clientFor(t, w.api.User(t, "admin")).Create(t.Context(), yes); err != nil {
		t.Fatal(err)
	}
	await(t, "the incident is mended, and deleted when it is old", func() (bool, string) {
		all := w.incidents()
		return len(all) == 0 && p.has(http.MethodDelete), "it is there, or the answer is still on its way"
	})
	p.end()
	used := map[string]bool{}
	for _, c := range p.all {
		if c.status == http.StatusForbidden {
			t.Errorf("a right is lacking: %s %s", c.method, c.path)
		}
		used[rightOf(c)] = true
	}
	granted := map[string]bool{}
	for _, r := range rolesIn(t, "controller.yaml") {
		for _, right := range rightsIn(r) {
			granted[right] = true
		}
	}
	used["patch events.k8s.io/events"] = true // of events that repeat, which none did here
	for right := range used {                 // API servers before Kubernetes 1.34 do not list by a watch
		if r, ok := strings.CutPrefix(right, "watch "); ok {
			used["list "+r] = true
		}
	}
	for right := range granted {
		if !used[right] {
			t.Errorf("%s is granted, and not used", right)
		}
	}
	files, err := filepath.Glob(filepath.Join("..", "..", "config", "rbac", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		for _, r := range rolesIn(t, filepath.Base(file)) {
			for _, rule := range r.Rules {
				if slices.Contains(rule.APIGroups, "") && (slices.Contains(rule.Resources, "secrets") || slices.Contains(rule.Resources, "*")) {
					t.Errorf("%s reads Secrets", r.Name)
				}
			}
		}
	}
}

// Where the role of a plan's action is not bound, the plan is shown and says so; nobody is asked, and once it is bound the
// plan is carried out.
func TestWithoutTheRightAPlanIsProposed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := clientFor(t, w.api.Admin).Create(t.Context(), allAuto("all")); err != nil {
		t.Fatal(err)
	}
	mender := &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "gatemend-mender"}}
	if err := w.admin.Delete(t.Context(), mender); err != nil {
		t.Fatal(err)
	}
	w.api.Create(t, filepath.Join("..", "..", "config", "rbac", "actions.yaml"))
	bind := func(action string) {
		w.create(&rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: action}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "gatemend-action-" + action},
			Subjects: []rbacv1.Subject{{Kind: rbacv1.UserKind, Name: "gatemend"}},
		})
	}
	bind("scale")
	p := w.start("a", controller.Auto, nil)
	w.setPort(badPort)
	i := w.awaitPhase(v1alpha1.PhaseProposed)
	if !strings.Contains(i.Status.Message, "no right to patch services in namespace shop: bind role gatemend-action-patch-service") || len(p.changes()) != 0 {
		t.Errorf("%d changes\n%s", len(p.changes()), told(i))
	}
	if !strings.Contains(told(i), "rehearsed: not tried: no right to patch services in namespace shop") {
		t.Errorf("%s", told(i))
	}
	for _, c := range p.all {
		if c.status == http.StatusForbidden {
			t.Errorf("it was tried without the right: %s %s", c.method, c.path)
		}
	}
	bind("patch-service")
	w.api.AwaitRight(t, "gatemend", "shop", rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"services"}, Verbs: []string{"patch"}})
	p.end()
	w.start("b", controller.Auto, nil) // as the first one asks again in five minutes
	w.awaitPhase(v1alpha1.PhaseResolved)
	if w.port() != goodPort {
		t.Errorf("port %d", w.port())
	}
}

func rolesIn(t *testing.T, file string) []rbacv1.ClusterRole {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "config", "rbac", file))
	if err != nil {
		t.Fatal(err)
	}
	var out []rbacv1.ClusterRole
	for text := range strings.SplitSeq(string(data), "\n---\n") {
		var r rbacv1.ClusterRole
		if err := yaml.Unmarshal([]byte(text), &r); err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

func rightsIn(r rbacv1.ClusterRole) []string {
	var out []string
	for _, rule := range r.Rules {
		for _, g := range rule.APIGroups {
			for _, res := range rule.Resources {
				for _, v := range rule.Verbs {
					out = append(out, v+" "+g+"/"+res)
				}
			}
		}
	}
	return out
}

// rightOf is the right that a call needs, as "verb group/resource".
func rightOf(c call) string {
	parts := strings.Split(strings.Trim(c.path, "/"), "/")
	group := ""
	switch {
	case parts[0] == "apis" && len(parts) > 2:
		group, parts = parts[1], parts[3:]
	case parts[0] == "api" && len(parts) > 1:
		parts = parts[2:]
	default:
		return ""
	}
	if len(parts) > 2 && parts[0] == "namespaces" {
		parts = parts[2:]
	}
	if len(parts) == 0 {
		return ""
	}
	resource, named := parts[0], len(parts) > 1
	if len(parts) > 2 {
		resource += "/" + parts[2]
	}
	verb := map[string]string{http.MethodGet: "get", http.MethodPost: "create", http.MethodPut: "update", http.MethodPatch: "patch", http.MethodDelete: "delete"}[c.method]
	switch {
	case verb != "get" || named:
	case strings.Contains(c.query, "watch=true") || strings.Contains(c.query, "watch=1"):
		verb = "watch"
	default:
		verb = "list"
	}
	return verb + " " + group + "/" + resource
}
