package diagnose

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Where no request was seen at all, only objects can tell. The way to the pods may be fine and what these are told to call
// out of reach: then their answers are errors, most probably, and nobody says so. Such calls are looked at too; what is
// found there is never more than likely, and counts only where nothing nearer to the gateway is wrong.

// quietSteps are the backends of routes on which nothing was seen and that the walk says work, of which nobody says anything, or only
// they themselves that requests fail.
func (v *view) quietSteps() []step {
	if len(v.in.Signals) > 0 {
		return nil
	}
	var out []step
	for _, w := range v.workloads {
		var from []*route
		for _, r := range w.routes {
			if r.edge == nil && !r.lost && !r.broken() {
				from = append(from, r)
			}
		}
		if len(from) > 0 && w.serving > 0 && (len(v.logsOf(w)) == 0 || v.saysItFails(w)) {
			out = append(out, step{w: w, from: from, depth: 1, quiet: true})
		}
	}
	return out
}

// saysItFails reports whether a workload's own log has failed calls and, lately, requests that it answered with an error: what a
// load balancer of a cloud sent to it stands in no other log of the cluster.
func (v *view) saysItFails(w *workload) bool {
	answers := 0
	for _, line := range v.logsOf(w) {
		if answeredError.MatchString(line) && !v.noNews(line) {
			answers++
		}
	}
	return answers >= few && len(v.calls(w)) > 0
}

// settleQuietly walks an edge of which nobody says anything, and says whether it is worth keeping: what is called is there
// and cannot be reached, or was meant to be there.
func (v *view) settleQuietly(r *route) bool {
	if v.settle(r) || r.broken() {
		r.loose = !v.counts(r)
		return true
	}
	if !v.counts(r) {
		return false
	}
	_, kept := v.keptOut(r)
	_, away := v.localQuietly(r)
	return kept || away || v.deaf(r) != nil || slices.ContainsFunc(r.legs, func(l path.Leg) bool { return shutPort(r, l) }) || v.misled(r).why != ""
}

// counts reports whether a setting names something that requests need, and that is, or was meant to be, in the cluster.
func (v *view) counts(r *route) bool {
	if len(r.Backends) == 0 || r.setting.name == "" || strings.Contains(r.setting.name, ".") || v.read.aside.MatchString(r.setting.name+" "+r.setting.host) {
		return false
	}
	return !slices.ContainsFunc(r.legs, func(l path.Leg) bool {
		switch l.Presence {
		case snapshot.Present:
			return l.External()
		case snapshot.Absent:
			return !v.podsNamed(serviceRef(l)) && v.likeNamed(l) == nil && v.formerSetting(r) == ""
		default:
			return true
		}
	})
}

// formerSetting is what the revision before had in the place of an edge's setting, if that named a Service that exists.
func (v *view) formerSetting(r *route) string {
	for _, c := range r.caller.template.template.Spec.Containers {
		before := beforeContainer(r.caller, c.Name)
		if before == nil {
			continue
		}
		for _, e := range before.Env {
			if e.Name != r.setting.name || e.Value == r.setting.value {
				continue
			}
			for _, p := range v.placesIn(e.Name, e.Value) {
				service, inside := v.home(r.caller.ref.Namespace, p.host)
				if _, presence := v.s.Services().Get(service.Namespace, service.Name); inside && presence == snapshot.Present {
					return e.Value
				}
			}
		}
	}
	return ""
}

// asideWords match the settings that name what requests do not wait for: telemetry, logs, mail.
func asideWords() *regexp.Regexp {
	return regexp.MustCompile(`(?i)otel|otlp|jaeger|zipkin|tempo|trac(e|ing)|statsd|metric|prometheus|pushgateway|graphite|influx|telemetry|collector|agent|sentry|datadog|(^|_)dd_|newrelic|new_relic|apm|profil|pyroscope|loki|fluent|syslog|logstash|(^|_)log(s|ging)?_|smtp|mail|webhook|proxy`)
}

// misled says what keeps the name that an edge's caller is told to call from being resolved.
func (v *view) misled(r *route) dnsTrouble {
	if len(r.Backends) == 0 || r.setting.host == "" {
		return dnsTrouble{}
	}
	service, inside := v.internal(r.setting.host, r.caller.ref.Namespace)
	if _, ok := v.s.Services().Get(service.Namespace, service.Name); !inside || ok != snapshot.Present {
		return dnsTrouble{}
	}
	if field, _, why := v.dnsSettings(&r.caller.template.template.Spec, r.setting.host); field != "" && v.outsideResolver(&r.caller.template.template.Spec) {
		return dnsTrouble{at: at(r.caller.ref, "spec.template.spec."+field), why: why, since: r.caller.rolledAt()}
	}
	if t, ok := v.corefile(fullName(service), true); ok {
		return t
	}
	if v.resolver == nil { // the same for every name
		t, _ := v.dnsFault("", true)
		v.resolver = &t
	}
	return *v.resolver
}

// outsideResolver reports whether a pod asks only resolvers that are public, or are its node's: one inside may well know the
// cluster's names, as a cache on each node does.
func (v *view) outsideResolver(spec *corev1.PodSpec) bool {
	if spec.DNSPolicy != corev1.DNSNone {
		return spec.DNSPolicy == corev1.DNSDefault
	}
	return spec.DNSConfig != nil && len(spec.DNSConfig.Nameservers) > 0 && !slices.ContainsFunc(spec.DNSConfig.Nameservers, private)
}

// unresolvedQuietly finds settings whose names are not resolved, where nobody says so.
func (v *view) unresolvedQuietly() []finding {
	var out []finding
	for _, r := range v.edges {
		if !r.quiet || r.loose {
			continue
		}
		if t := v.misled(r); t.why != "" {
			out = append(out, r.asCause("dns-resolution-failed", likely, t.at, fmt.Sprintf("%s cannot resolve %s, because %s", r.caller.ref, r.setting.host, t.why)).
				as(model.NoRoute, model.UpstreamStatus).because("object", t.why, t.at.Ref, time.Time{}).since(t.since))
		}
	}
	return out
}

// supposed reports whether a finding about a route rests on objects alone, beside its walk: on calls of which nobody says
// anything, say.
func (f finding) supposed(root *route) bool {
	return f.atRest || slices.ContainsFunc(f.via, func(e *route) bool { return e.quiet && slices.Contains(e.roots(), root) })
}

// supposedOnly reports whether all of a finding is supposed.
func (f finding) supposedOnly() bool {
	return len(f.routes) > 0 && !slices.ContainsFunc(f.routes, func(r *route) bool { return !f.supposed(r) })
}

// yield splits what is only supposed from what fails in sight: it counts where there is nothing else.
func yield(roots []root) (kept, aside []root) {
	for _, f := range roots {
		if f.supposedOnly() {
			aside = append(aside, f)
		} else {
			kept = append(kept, f)
		}
	}
	if len(kept) == 0 {
		return aside, nil
	}
	return kept, aside
}

// private reports whether an address is one of a private network (RFC 1918, RFC 4193) or of the host itself.
func private(address string) bool {
	ip := net.ParseIP(address)
	return ip != nil && (ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast())
}
