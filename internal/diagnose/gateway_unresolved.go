package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// gatewayUnresolved finds gateways whose own pods do not ask the cluster's DNS, where a route is authorised by a service of
// the cluster: that is resolved while requests come (nginx's auth_request), and backends are reached by address, so that all
// other routes work. Two analyzers ask, and it is looked for once.
func (v *view) gatewayUnresolved() []finding {
	if !v.deafLooked {
		v.deafGateways, v.deafLooked = v.lookGatewayUnresolved(), true
	}
	return slices.Clone(v.deafGateways)
}

func (v *view) lookGatewayUnresolved() []finding {
	asking := v.askingAuthorities()
	if len(asking) == 0 {
		return nil // no line could be about one, however many there are
	}
	type named struct {
		template model.Ref
		name     string
	}
	judged := map[named]bool{} // a gateway says the same for every request
	var out []finding
	for _, s := range v.sayings() {
		if !s.known {
			continue
		}
		m := unresolvedName.FindStringSubmatch(s.text)
		if m == nil {
			continue
		}
		name := strings.Trim(strings.Join(m[1:], ""), ".")
		service, inside := v.internal(name, s.pod.Namespace)
		if _, presence := v.s.Services().Get(service.Namespace, service.Name); !inside || presence != snapshot.Present || len(asking[service]) == 0 {
			continue
		}
		t, ok := v.templateOf(s.pod)
		if !ok || judged[named{t.ref, name}] {
			continue
		}
		judged[named{t.ref, name}] = true
		if slices.ContainsFunc(out, func(f finding) bool { return f.Object.Ref == t.ref && f.Related["service"] == service }) {
			continue
		}
		if f, ok := v.gatewayDeaf(s, t, name, service, asking[service]); ok {
			out = append(out, f)
		}
	}
	return out
}

// gatewayDeaf judges one line: whether the gateway's own settings keep it from resolving the name of a service that routes ask.
func (v *view) gatewayDeaf(s ownWords, t template, name string, service model.Ref, asking []*route) (finding, bool) {
	field, wanted, why := v.dnsSettings(&t.template.Spec, name)
	if field == "" {
		return finding{}, false
	}
	f := find("dns-resolution-failed", proven, at(t.ref, "spec.template.spec."+field), fmt.Sprintf("the gateway %s cannot resolve %s, because %s", t.ref, name, why)).
		as(model.OtherFailure, model.UpstreamStatus, model.Denied).relates("workload", t.ref).relates("service", service).wants(wanted).
		because("object", why, t.ref, time.Time{}).not("auth-backend-failing", "it is never asked: the gateway does not find it")
	f.Evidence = append(f.Evidence, s.evidence())
	for _, r := range v.governs(s) {
		if slices.Contains(asking, r) {
			f = f.on(r)
		}
	}
	return f, len(f.routes) > 0
}

// askingAuthorities lists the routes with failed requests by the services that authorise them.
func (v *view) askingAuthorities() map[model.Ref][]*route {
	out := map[model.Ref][]*route{}
	for _, r := range v.routes {
		if r.failures == 0 {
			continue
		}
		for _, a := range v.authorities(r) {
			out[a.service] = append(out[a.service], r)
		}
	}
	return out
}

// templateOf is what a pod is made from.
func (v *view) templateOf(pod model.Ref) (template, bool) {
	p, presence := v.s.Pods().Get(pod.Namespace, pod.Name)
	if presence != snapshot.Present {
		return template{}, false
	}
	owner, all := v.s.WorkloadOf(p), v.templates(pod.Namespace)
	i := slices.IndexFunc(all, func(t template) bool { return t.ref == owner })
	if i < 0 {
		return template{}, false
	}
	return all[i], true
}
