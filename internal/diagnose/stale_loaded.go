package diagnose

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
)

// staleLoaded compares what proxies say that they have loaded of a backend with its endpoints: addresses
// that no endpoint has any more, and ready ones that the proxy lacks.
func (v *view) staleLoaded(r *route, l path.Leg) []finding {
	if l.Service == nil || l.Port == nil || l.External() || l.Derived {
		return nil
	}
	for _, p := range l.Selected { // what changes just now, no proxy need know yet
		if v.unsettled(p) {
			return nil
		}
	}
	var known, ready []string
	for _, e := range l.Ends {
		known = append(known, e.Address())
		if e.Ready {
			ready = append(ready, e.Address())
		}
	}
	var out []finding
	for _, x := range v.in.Loaded {
		if !ofLeg(x, l) || len(x.Addresses) == 1 && v.ofService(x.Addresses[0], l) {
			continue
		}
		extra, missing := notIn(x.Addresses, known), notIn(ready, x.Addresses)
		if len(extra)+len(missing) == 0 {
			continue
		}
		var what []string
		if len(extra) > 0 {
			what = append(what, "has "+strings.Join(extra, ", ")+", which no endpoint is")
		}
		if len(missing) > 0 {
			what = append(what, "lacks "+strings.Join(missing, ", "))
		}
		text := fmt.Sprintf("of %s the gateway %s", serviceRef(l), strings.Join(what, " and "))
		object, _ := v.staleAt(r, []*model.Signal{{Gateway: x.Gateway}})
		out = append(out, find("stale-endpoints", seen, object, fmt.Sprintf("%s does not have the endpoints that the API has: %s", x.Gateway, text)).
			on(r).as(raceKinds()...).relates("service", serviceRef(l)).
			because("data-plane", fmt.Sprintf("%s: %s has %s", x.Source, x.Backend, listed(x.Addresses)), x.Gateway, v.s.At()).
			because("object", fmt.Sprintf("the ready endpoints of %s are %s", serviceRef(l), listed(ready)), serviceRef(l), v.s.At()))
	}
	return out
}

// ofLeg reports whether what a proxy has loaded is of a leg's Service port: by the parts of its name, else
// by ingress-nginx' way to join them.
func ofLeg(x model.Loaded, l path.Leg) bool {
	ref := serviceRef(l)
	ports := []string{l.Port.Name, fmt.Sprint(l.Port.Port), l.Backend.Port()}
	if x.Service != "" {
		return x.Namespace == ref.Namespace && x.Service == ref.Name && slices.Contains(ports, x.Port)
	}
	return slices.ContainsFunc(ports, func(p string) bool { return p != "" && x.Backend == ref.Namespace+"-"+ref.Name+"-"+p })
}

// ofService reports whether an address is the Service's own, which some controllers use instead of those of
// its pods.
func (v *view) ofService(address string, l path.Leg) bool {
	return hostOf(address) == l.Service.Spec.ClusterIP
}

// unsettled reports whether a pod came, turned or was told to stop so lately that proxies need not know.
func (v *view) unsettled(p *corev1.Pod) bool {
	c := path.PodCondition(p, corev1.PodReady)
	return p.DeletionTimestamp != nil || c != nil && v.s.At().Sub(c.LastTransitionTime.Time) < follows ||
		v.s.At().Sub(p.CreationTimestamp.Time) < follows
}

// notIn lists what is in one list and not in another.
func notIn(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(x string) bool { return slices.Contains(b, x) })
}

func listed(addresses []string) string {
	if len(addresses) == 0 {
		return "none"
	}
	return strings.Join(addresses, ", ")
}
