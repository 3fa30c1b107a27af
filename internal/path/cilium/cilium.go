// Package cilium decides what Cilium's own policies (CiliumNetworkPolicy, CiliumClusterwideNetworkPolicy) say of a
// connection between two pods.
//
// It follows docs.cilium.io, "Policy Enforcement Modes", "Layer 3 Policies", "Layer 4 Policies" and "Deny Policies", and the
// descriptions of the fields in the CRD: rules add up, those of Kubernetes' NetworkPolicies with them; a pod that a rule
// selects is closed in each direction for which the rule has a section, unless enableDefaultDeny says otherwise; an
// empty rule admits nothing; what ingressDeny and egressDeny refuse is refused whatever else admits it; blocks of addresses are
// not about pods. What depends on more than objects say (names that DNS resolves, nodes' labels, what a request asks
// for) is answered with [Maybe], as are forms that are not known here.
package cilium

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path/netpol"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Answer is what objects say of a question; the zero value is no.
type Answer uint8

// The answers, from the one that decides least on: where several conditions must hold, the least of them counts.
const (
	No Answer = iota
	Maybe
	Yes
)

func is(b bool) Answer {
	if b {
		return Yes
	}
	return No
}

// Policy is one object, read.
type Policy struct {
	Ref     model.Ref
	Changed time.Time
	rules   []rule
}

// rule is one of an object's specs.
type rule struct {
	spec  map[string]any
	field string
}

// Read reads an object of one of Cilium's kinds. There are no rules in one that Cilium says that it cannot enforce (its
// condition Valid is false).
func Read(u *unstructured.Unstructured) Policy {
	p := Policy{Ref: snapshot.RefOf(u), Changed: u.GetCreationTimestamp().Time}
	for _, m := range u.GetManagedFields() {
		if m.Subresource == "" && m.Time != nil && m.Time.After(p.Changed) {
			p.Changed = m.Time.Time
		}
	}
	for _, c := range list(at(u.Object, "status"), "conditions") {
		if c["type"] == "Valid" && c["status"] == "False" {
			return p
		}
	}
	if spec := at(u.Object, "spec"); spec != nil {
		p.rules = append(p.rules, rule{spec, "spec"})
	}
	for i, spec := range list(u.Object, "specs") {
		p.rules = append(p.rules, rule{spec, fmt.Sprintf("specs[%d]", i)})
	}
	return p
}

// Verdict is what policies say of a connection at one of its ends.
type Verdict struct {
	Closes Answer // the pod is closed but for what is admitted
	Admits Answer // a rule admits the connection
	Denies Answer // a rule refuses it, whatever admits it
	// Policy and Field are the rule that refuses, else the one that comes nearest to admitting, and Why says what it is for.
	Policy *Policy
	Field  string
	Why    string
	// Doubt is a policy of which it could not be judged whether it lets the connection through.
	Doubt *Policy
	near  int // how near the rule comes
}

// Ingress judges by the policies that may be about the receiving pod, those of its namespace and of the cluster.
func Ingress(policies []Policy, from, to netpol.End, port int32) Verdict {
	return judge(policies, call{subject: to, peer: from, target: to, port: port, section: "ingress", side: "from"})
}

// Egress judges by the policies that may be about the sending pod.
func Egress(policies []Policy, from, to netpol.End, port int32) Verdict {
	return judge(policies, call{subject: from, peer: to, target: to, port: port, section: "egress", side: "to"})
}

// call is a connection, looked at from one of its ends.
type call struct {
	subject, peer, target netpol.End
	port                  int32
	section, side         string
}

func judge(policies []Policy, c call) Verdict {
	var v Verdict
	if c.subject.Pod == nil || c.subject.Host {
		return v // endpointSelector selects pods, and not those on their node's network
	}
	for i := range policies {
		for _, r := range policies[i].rules {
			v.add(&policies[i], r, c)
		}
	}
	return v
}

// add takes a rule into account.
func (v *Verdict) add(p *Policy, r rule, c call) {
	selector, ok := r.spec["endpointSelector"].(map[string]any)
	if !ok {
		return // nodeSelector: it is about nodes
	}
	about := selects(selector, p.Ref.Namespace, c.subject)
	if about == No {
		return
	}
	admit, deny := list(r.spec, c.section), list(r.spec, c.section+"Deny")
	closes := is(len(admit)+len(deny) > 0)
	if said, ok := at(r.spec, "enableDefaultDeny")[c.section].(bool); ok {
		closes = is(said)
	}
	v.Closes = max(v.Closes, min(closes, about))
	if min(closes, about) != No {
		v.name(p, r.field+"."+c.section, "none of its rules is for that", 0)
	}
	for i, x := range admit {
		peer, field := c.admitsPeer(x, p.Ref.Namespace)
		ports := c.admitsPorts(x)
		answer := min(peer, ports, about)
		v.Admits = max(v.Admits, answer)
		if answer == Maybe {
			v.Doubt = p
		}
		if place := fmt.Sprintf("%s.%s[%d]", r.field, c.section, i); peer == Yes && ports == No {
			v.name(p, place+".toPorts", fmt.Sprintf("its rule is for other ports than %d", c.port), 2)
		} else if peer == No && ports == Yes && field != "" && (len(admit) == 1 || x["toPorts"] != nil) {
			v.name(p, place+"."+field, "its rule is for others", 1)
		}
	}
	for i, x := range deny {
		peer, _ := c.admitsPeer(x, p.Ref.Namespace)
		answer := min(peer, c.admitsPorts(x), about)
		v.Denies = max(v.Denies, answer)
		switch answer {
		case Yes:
			v.name(p, fmt.Sprintf("%s.%sDeny[%d]", r.field, c.section, i), "a rule refuses it", 3)
		case Maybe:
			v.Doubt = p
		case No:
		}
	}
}

// name notes a rule as the nearest one; of equally near ones that of the policy that changed last, as what was closed all
// the time is no news.
func (v *Verdict) name(p *Policy, field, why string, near int) {
	if v.Policy == nil || near > v.near || near == v.near && p.Changed.After(v.Policy.Changed) {
		v.Policy, v.Field, v.Why, v.near = p, field, why, near
	}
}

func at(object map[string]any, field string) map[string]any {
	out, ok := object[field].(map[string]any)
	if !ok {
		return nil
	}
	return out
}

// list gives the objects in a list; what is none counts as an empty one.
func list(object map[string]any, field string) []map[string]any {
	items, ok := object[field].([]any)
	if !ok {
		return nil
	}
	out := make([]map[string]any, len(items))
	for i, item := range items {
		if fields, ok := item.(map[string]any); ok {
			out[i] = fields
		}
	}
	return out
}

// texts gives the strings in a list.
func texts(list any) []string {
	items, ok := list.([]any)
	if !ok {
		return nil
	}
	var out []string
	for _, item := range items {
		if s, ok := item.(string); ok {
			out = append(out, s)
		}
	}
	return slices.Clip(out)
}
