package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/snapshot"
)

// unanswered finds what CoreDNS's errors plugin logs of a server to which it forwards and that does not answer:
// "[ERROR] plugin/errors: 2 example.com. A: read udp 10.244.0.3:40812->10.0.0.2:53: i/o timeout"
// (coredns.io/plugins/errors).
var unanswered = regexp.MustCompile(`plugin/errors: \d+ \S+ \S+: (?:read|write|dial) (?:udp|tcp) (?:\S+->)?([0-9a-fA-F.:\[\]]+):\d+: (?:i/o timeout|connect: |read: |write: )`)

// dnsUpstream finds that the server to which the cluster's DNS forwards names from outside of the cluster does not
// answer: CoreDNS says so.
func (v *view) dnsUpstream(svc *corev1.Service) (dnsTrouble, bool) {
	cm, ok := v.s.ConfigMaps().Get(svc.Namespace, "coredns")
	if ok != snapshot.Present {
		return dnsTrouble{}, false
	}
	times, upstream := 0, ""
	for _, w := range v.workloadsIn(svc.Namespace) {
		if !matches(svc.Spec.Selector, w.template.template.Labels) {
			continue
		}
		for _, l := range v.logsOf(w) {
			if m := unanswered.FindStringSubmatch(l); m != nil {
				times, upstream = times+1, strings.Trim(m[1], "[]")
			}
		}
	}
	if times < few {
		return dnsTrouble{}, false
	}
	return dnsTrouble{
		at:    at(snapshot.RefOf(cm), "data.Corefile"),
		why:   fmt.Sprintf("the cluster's DNS forwards names from outside to %s, which does not answer", forwardsTo(cm.Data["Corefile"], upstream)),
		since: written(cm),
	}, true
}

// forwardsTo names a server as a Corefile does: by its address, or by the file that lists it.
func forwardsTo(corefile, address string) string {
	for _, s := range parseCorefile(corefile) {
		for _, p := range s.plugins {
			if p.name == "forward" && len(p.args) > 1 && !slices.Contains(p.args[1:], address) && strings.HasPrefix(p.args[1], "/") {
				return address + " of " + p.args[1]
			}
		}
	}
	return address
}
