package plan

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan/plantest"
)

// quota is a ResourceQuota of the shop, which has four pods.
func quota(scopes, hard, used string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: tight, namespace: shop}\nspec: {hard: {%s}%s}\nstatus: {hard: {%s}, used: {%s}}", hard, scopes, hard, used)
}

// A remedy whose pods a quota would refuse is refused by the quota's name, and one whose pods find room is not.
func TestQuotas(t *testing.T) {
	badImage := func(c *plantest.Cluster) {
		plantest.Unready(c)
		plantest.Revision(c, "shop:v2-typo", "image")
	}
	rollsBack := plantest.Finding("image-pull", "Deployment", "cart", plantest.Container+".image", `"shop:v1"`, "goodRevision", "ReplicaSet", "cart-1")
	allAtOnce := func(c *plantest.Cluster) {
		c.Edit("Deployment/cart", map[string]any{"type": "RollingUpdate", "rollingUpdate": map[string]any{"maxUnavailable": "100%", "maxSurge": 1}}, "spec", "strategy")
	}
	gone := func(c *plantest.Cluster) {
		c.Delete("Pod/cart-2-0")
		c.Delete("Pod/cart-2-1")
		c.Edit("EndpointSlice/cart-x", []any{}, "endpoints")
	}
	toZero := func(c *plantest.Cluster) {
		gone(c)
		c.Edit("Deployment/cart", 0, "spec", "replicas")
	}
	noReplicas := plantest.Finding("no-replicas", "Deployment", "cart", "spec.replicas", "2")
	oneUnready := func(c *plantest.Cluster) {
		c.Edit("Pod/cart-2-0", "False", "status", "conditions", 0, "status")
		c.Edit("EndpointSlice/cart-x", false, "endpoints", 0, "conditions", "ready")
	}
	restarts := plantest.Finding("pods-not-ready", "Deployment", "cart", "", "")
	for _, tc := range []struct {
		name    string
		breaks  []func(*plantest.Cluster)
		objects []string
		finding model.Finding
		refused string // empty: a plan is made
	}{
		{"no pod of any revision fits", []func(*plantest.Cluster){badImage, gone}, []string{quota("", "pods: 1", "pods: 2")}, rollsBack, "ResourceQuota shop/tight would refuse its new pods: pods: 2 in use, of which 0 would go, and 2 more, where 1 is the most"},
		{"the pods of the bad revision make room", []func(*plantest.Cluster){badImage, allAtOnce}, []string{quota("", "pods: 4", "pods: 4")}, rollsBack, ""},
		{"they would make room, and go only after a new one", []func(*plantest.Cluster){badImage}, []string{quota("", "pods: 4", "pods: 4")}, rollsBack, "pods: for the first of them, 4 in use, of which 0 would go, and 1 more"},
		{"room for one more is enough to begin", []func(*plantest.Cluster){badImage}, []string{quota("", "pods: 5", "pods: 4")}, rollsBack, ""},
		{"a quota that was exceeded already", []func(*plantest.Cluster){badImage, allAtOnce}, []string{quota("", "pods: 1", "pods: 4")}, rollsBack, "pods: 4 in use, of which 2 would go, and 2 more, where 1 is the most"},
		{"what the former revision asks for fits", []func(*plantest.Cluster){badImage, gone}, []string{quota("", "limits.memory: 512Mi", "limits.memory: 256Mi")}, rollsBack, ""},
		{"and does not", []func(*plantest.Cluster){badImage, gone}, []string{quota("", "limits.memory: 500Mi", "limits.memory: 256Mi")}, rollsBack, "limits.memory: 256Mi in use, of which 0 would go, and 256Mi more, where 500Mi is the most"},
		{"requests are limits where none are set", []func(*plantest.Cluster){badImage, gone}, []string{quota("", "memory: 200Mi", "memory: 0")}, rollsBack, "memory: 0 in use, of which 0 would go, and 256Mi more, where 200Mi is the most"},
		{"requests by a LimitRange", []func(*plantest.Cluster){badImage, gone}, []string{
			quota("", "requests.cpu: 150m", "requests.cpu: 0"),
			"apiVersion: v1\nkind: LimitRange\nmetadata: {name: usual, namespace: shop}\nspec: {limits: [{type: Container, defaultRequest: {cpu: 100m}}]}",
		}, rollsBack, "requests.cpu: 0 in use, of which 0 would go, and 200m more, where 150m is the most"},
		{"a quota for other pods", []func(*plantest.Cluster){badImage, gone}, []string{quota(", scopes: [BestEffort]", "pods: 1", "pods: 1")}, rollsBack, ""},
		{"a quota for such pods", []func(*plantest.Cluster){badImage, gone}, []string{quota(", scopes: [NotBestEffort, NotTerminating]", "pods: 1", "pods: 1")}, rollsBack, "ResourceQuota shop/tight would refuse"},
		{"a quota for pods with an eye on other namespaces", []func(*plantest.Cluster){badImage, gone}, []string{quota(", scopes: [CrossNamespacePodAffinity]", "pods: 1", "pods: 1")}, rollsBack, ""},
		{"a quota for a class of pods", []func(*plantest.Cluster){badImage, gone}, []string{quota(", scopeSelector: {matchExpressions: [{scopeName: PriorityClass, operator: In, values: [batch]}]}", "pods: 1", "pods: 1")}, rollsBack, ""},
		{"a quota that counts something else", []func(*plantest.Cluster){badImage, gone}, []string{quota("", "services: 1, requests.nvidia.com/gpu: 0", "services: 2, requests.nvidia.com/gpu: 0")}, rollsBack, ""},
		{"replicas that find no room", []func(*plantest.Cluster){toZero}, []string{quota("", "count/pods: 3", "count/pods: 2")}, noReplicas, "ResourceQuota shop/tight would refuse its new pods: count/pods: 2 in use, of which 0 would go, and 2 more, where 3 is the most"},
		{"replicas that find room", []func(*plantest.Cluster){toZero}, []string{quota("", "count/pods: 4", "count/pods: 2")}, noReplicas, ""},
		{"an evicted pod whose place is taken", []func(*plantest.Cluster){oneUnready}, []string{quota("", "pods: 3", "pods: 4")}, restarts, "pods: 4 in use, of which 1 would go, and 1 more, where 3 is the most"},
		{"an evicted pod that gives its place", []func(*plantest.Cluster){oneUnready}, []string{quota("", "pods: 4", "pods: 4")}, restarts, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Make(fault{Break: func(c *plantest.Cluster) {
				for _, b := range tc.breaks {
					b(c)
				}
				for _, o := range tc.objects {
					c.Apply(o)
				}
			}, Finding: tc.finding}.input())
			switch {
			case tc.refused == "" && err != nil:
				t.Errorf("got %v, want a plan", err)
			case tc.refused != "" && (!errors.Is(err, ErrAllRefused) || !strings.Contains(err.Error(), tc.refused)):
				t.Errorf("got %v, want a refusal that says %q", err, tc.refused)
			}
		})
	}
}

// Pods of the revision that is taken back to stay where they are: nothing need be let in for them.
func TestQuotasAndPodsThatStay(t *testing.T) {
	_, err := Make(fault{Break: func(c *plantest.Cluster) {
		plantest.Unready(c)
		plantest.Revision(c, "shop:v2-typo", "image")
		for n := range 2 { // the former revision has its pods still
			c.Edit(fmt.Sprintf("Pod/cart-2-%d", n), []any{map[string]any{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "cart-1", "uid": "r-cart-1", "controller": true}}, "metadata", "ownerReferences")
		}
		c.Apply(quota("", "pods: 4", "pods: 4"))
	}, Finding: plantest.Finding("image-pull", "Deployment", "cart", plantest.Container+".image", `"shop:v1"`, "goodRevision", "ReplicaSet", "cart-1")}.input())
	if err != nil {
		t.Errorf("got %v, want a plan", err)
	}
}
