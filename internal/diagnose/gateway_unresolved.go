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
// other routes work.
func (v *view) gatewayUnresolved() []finding {
	var out []finding
	for _, s := range v.sayings() {
		m := unresolvedName.FindStringSubmatch(s.text)
		if !s.known || m == nil {
			continue
		}
		t, ok := v.templateOf(s.pod)
		name := strings.Trim(strings.Join(m[1:], ""), ".")
		service, inside := v.internal(name, s.pod.Namespace)
		if _, presence := v.s.Services().Get(service.Namespace, service.Name); !ok || !inside || presence != snapshot.Present {
			continue
		}
		field, wanted, why := v.dnsSettings(&t.template.Spec, name)
		if field == "" || slices.ContainsFunc(out, func(f finding) bool { return f.Object.Ref == t.ref && f.Related["service"] == service }) {
			continue
		}
		asks := func(r *route) bool {
			return r.failures > 0 && slices.ContainsFunc(v.authorities(r), func(a authority) bool { return a.service == service })
		}
		f := find("dns-resolution-failed", proven, at(t.ref, "spec.template.spec."+field), fmt.Sprintf("the gateway %s cannot resolve %s, because %s", t.ref, name, why)).
			as(model.OtherFailure, model.UpstreamStatus, model.Denied).relates("workload", t.ref).relates("service", service).wants(wanted).
			because("object", why, t.ref, time.Time{}).not("auth-backend-failing", "it is never asked: the gateway does not find it")
		f.Evidence = append(f.Evidence, s.evidence())
		for _, r := range v.governs(s) {
			if asks(r) {
				f = f.on(r)
			}
		}
		if len(f.routes) > 0 {
			out = append(out, f)
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
