package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
)

// requestedName finds the name that a TLS client asked an Envoy for: in its text format it follows the client's address
// (istio.io, Envoy Access Logs), in JSON it has a key.
var requestedName = regexp.MustCompile(`"requested_server_name":\s*"?([^",}\s]*)|\.\d+:\d+ (\S+) \S+$`)

// unmatchedName finds an Envoy behind a gateway that has certificates for names and none for the one, or for the want of one, with
// which the gateway's connections come: it says so in a log of its own and hangs up in the middle of the handshake.
func (v *view) unmatchedName(r *route) (finding, bool) {
	hits := r.hits(model.TLS, model.Reset, model.ClosedEarly)
	if len(hits) == 0 || len(r.legs) == 0 {
		return finding{}, false
	}
	l := r.legs[0]
	told := v.spoken(r, l)
	if !told.tls() {
		return finding{}, false
	}
	away, ok := v.turnedAwayAtHello(r)
	if !ok {
		return finding{}, false
	}
	object, sent := v.nameSent(r, l, told)
	why := fmt.Sprintf("the backend of %s knows no such name as the proxy sends in the TLS handshake%s", r, sent)
	if m := requestedName.FindStringSubmatch(away.Text); m != nil && m[1]+m[2] == "-" || m != nil && m[1] == "null" {
		_, policy := v.backendTLS(l)
		why = fmt.Sprintf("the proxy sends no name in the TLS handshake with the backend of %s", r)
		switch fleets := v.m.Fleets(r.Route); {
		case policy && len(fleets) > 0:
			object, why = at(fleets[0].Object, ""), why+", although it is told one"+sent
		case r.Object.Kind == "Ingress" && r.Proxy == "nginx":
			object = at(r.Object, annotation("nginx.ingress.kubernetes.io/proxy-ssl-server-name"))
		}
	}
	f := find("tls-sni-mismatch", proven, object, why).as(model.TLS, model.Reset, model.ClosedEarly).relates("service", serviceRef(l)).since(hits[0].At)
	f.Evidence = append(f.Evidence, away, said(hits[0]))
	return f, true
}

// turnedAwayAtHello is what an Envoy behind a route says of a connection from the gateway for which it has no filter chain.
func (v *view) turnedAwayAtHello(r *route) (model.Evidence, bool) {
	for _, log := range v.in.Logs {
		for _, line := range log.Lines {
			if strings.Contains(line, "filter_chain_not_found") && isBehind(r, log.Pod) && slices.ContainsFunc(v.m.Gateways(r.Route), func(p *corev1.Pod) bool {
				return p.Status.PodIP != "" && strings.Contains(line, p.Status.PodIP+":")
			}) {
				return model.Evidence{Kind: "proxy-log", Text: line, Source: sourceOf(log)}, true
			}
		}
	}
	return model.Evidence{}, false
}
