package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// albAnnotation begins the annotations of the AWS Load Balancer Controller.
const albAnnotation = "alb.ingress.kubernetes.io/"

// oneForAll lists what the Ingresses of a group must agree on, since one load balancer is made of them all, and in which words the AWS
// Load Balancer Controller complains if they do not (its pkg/ingress/model_build_load_balancer.go). It writes its event on every
// member of the group, whoever is at odds with the others.
func oneForAll() map[string]string {
	return map[string]string{
		"conflicting scheme:":                "scheme",
		"conflicting load balancer name:":    "load-balancer-name",
		"conflicting IPAddressType:":         "ip-address-type",
		"conflicting subnets:":               "subnets",
		"conflicting securityGroups:":        "security-groups",
		"conflicting CustomerOwnedIPv4Pool:": "customer-owned-ipv4-pool",
		"conflicting WAFv2 WebACL ARNs:":     "wafv2-acl-arn",
		"conflicting WAFClassic WebACL IDs:": "waf-acl-id",
	}
}

// groupConflicts finds the members of a group that are at odds with its load balancer, so that nothing is changed in it any more: the
// Ingresses that came later are not known to it.
func (v *view) groupConflicts() []finding {
	var out []finding
	for _, ref := range v.ingresses() {
		ing, is := v.s.Ingresses().Get(ref.Namespace, ref.Name)
		if is != snapshot.Present || len(ing.Status.LoadBalancer.Ingress) > 0 {
			continue
		}
		why, e := path.BalancerWarning(v.s, ref)
		odd, says := v.atOdds(ing, why)
		if says == "" {
			continue
		}
		f := find("config-rejected", proven, odd, fmt.Sprintf("%s is at odds with the load balancer of its group, so that its controller takes no change of the whole group any more: %s", odd.Ref, brief(why))).
			on(v.routesOf(ref)...).as(byStuckProxy()...).since(e.FirstTimestamp.Time).
			because("event", e.Reason+": "+brief(why), ref, snapshot.EventTime(e)).because("object", says, odd.Ref, time.Time{})
		f.unlogged = true // the load balancer's log is not in the cluster
		out = append(out, f)
	}
	return out
}

// atOdds is the member of an Ingress's group of which the controller complains, and how it differs from those of which the load
// balancer was made: they have its address. It is empty where these do not agree themselves, or there are none: then nothing
// tells which of two is meant.
func (v *view) atOdds(ing *networkingv1.Ingress, why string) (model.FieldRef, string) {
	name, group := "", ing.Annotations[albAnnotation+"group.name"]
	for words, key := range oneForAll() {
		if strings.Contains(why, words) {
			name = albAnnotation + key
		}
	}
	if name == "" || group == "" {
		return model.FieldRef{}, ""
	}
	var made string
	var others []*networkingv1.Ingress
	for m := range v.s.Ingresses().All() {
		value := m.Annotations[name]
		if m.Annotations[albAnnotation+"group.name"] != group || value == "" {
			continue
		}
		switch {
		case len(m.Status.LoadBalancer.Ingress) == 0:
			others = append(others, m)
		case made == "" || sameList(made, value):
			made = value
		default:
			return model.FieldRef{}, ""
		}
	}
	others = slices.DeleteFunc(others, func(m *networkingv1.Ingress) bool {
		said, _ := path.BalancerWarning(v.s, snapshot.RefOf(m))
		return said != why || sameList(made, m.Annotations[name])
	})
	if made == "" || len(others) == 0 {
		return model.FieldRef{}, ""
	}
	first := slices.MinFunc(others, func(a, b *networkingv1.Ingress) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) })
	ref := snapshot.RefOf(first)
	return annotated(ref, name), fmt.Sprintf("%s sets %s to %s, and the load balancer of group %s was made with %s", ref, name, first.Annotations[name], group, made)
}

// sameList reports whether two lists that are written with commas hold the same, in whatever order.
func sameList(a, b string) bool {
	x, y := strings.Split(strings.ReplaceAll(a, " ", ""), ","), strings.Split(strings.ReplaceAll(b, " ", ""), ",")
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}
