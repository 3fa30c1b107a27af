package diagnose

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// shutOut finds load balancers with an address of the internet that let in none but private addresses (kubernetes.io,
// Service, loadBalancerSourceRanges): who comes from the internet is dropped before any gateway logs it. It may be
// meant, where clients are in a network of one's own; that requests were seen to arrive speaks against it.
func (v *view) shutOut() []finding {
	var out []finding
	for _, r := range v.routes {
		if r.requests > 0 {
			continue
		}
		svc := v.lonePublicEntry(r)
		if svc == nil {
			continue
		}
		ranges, field := sourceRanges(svc)
		if len(ranges) == 0 || slices.ContainsFunc(ranges, func(cidr string) bool { return !privateBlock(cidr) }) {
			continue
		}
		ref := snapshot.RefOf(svc)
		f := find("cloud-firewall-blocks-lb", likely, at(ref, field),
			fmt.Sprintf("the load balancer of %s has the address %s and lets in none but private addresses: who comes from the internet is dropped", ref, addressOf(svc))).
			on(r).as(model.ConnectTimeout, model.NoRoute).relates("service", ref).
			because("object", fmt.Sprintf("%s admits %s", ref, strings.Join(ranges, ", ")), ref, time.Time{})
		f.unlogged = true
		out = append(out, f)
	}
	return out
}

// lonePublicEntry is the Service by which requests from the internet come for a route, if there is no other way.
func (v *view) lonePublicEntry(r *route) *corev1.Service {
	var found *corev1.Service
	for _, f := range v.m.Fleets(r.Route) {
		if f.Pod.Spec.HostNetwork {
			return nil
		}
	}
	for _, e := range v.entries(r) {
		switch {
		case !path.Outside(e.Service):
		case found != nil || e.Service.Spec.Type != corev1.ServiceTypeLoadBalancer || !public(e.Service):
			return nil
		default:
			found = e.Service
		}
	}
	return found
}

// sourceRanges are the blocks of addresses that a load balancer admits. The annotation is the older form, which the field
// overrules (k8s.io/cloud-provider, service/helpers).
func sourceRanges(svc *corev1.Service) (ranges []string, field string) {
	if ranges = svc.Spec.LoadBalancerSourceRanges; len(ranges) > 0 {
		return ranges, "spec.loadBalancerSourceRanges"
	}
	key := corev1.AnnotationLoadBalancerSourceRangesKey
	for part := range strings.SplitSeq(svc.Annotations[key], ",") {
		if part = strings.TrimSpace(part); part != "" {
			ranges = append(ranges, part)
		}
	}
	return ranges, annotation(key)
}

// privateBlock reports whether a block holds no address of the internet (RFC 1918, 4193, 6598).
func privateBlock(cidr string) bool {
	block, err := netip.ParsePrefix(strings.TrimSpace(cidr))
	if err != nil {
		return false
	}
	return slices.ContainsFunc([]string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "fc00::/7", "fe80::/10"}, func(own string) bool {
		p := netip.MustParsePrefix(own)
		return p.Bits() <= block.Bits() && p.Contains(block.Addr())
	})
}

// public reports whether a load balancer has an address of the internet, as far as that can be seen: clouds say by
// an annotation, and AWS by the first word of the name, that one is internal.
func public(svc *corev1.Service) bool {
	for k, value := range svc.Annotations {
		if strings.Contains(k, "load-balancer") && (strings.HasSuffix(k, "internal") && value != "false" || strings.EqualFold(value, "internal")) {
			return false
		}
	}
	name := addressOf(svc)
	return name != "" && !private(name) && !strings.HasPrefix(name, "internal-")
}

func addressOf(svc *corev1.Service) string {
	all := svc.Status.LoadBalancer.Ingress
	if len(all) == 0 {
		return ""
	}
	return cmp.Or(all[0].IP, all[0].Hostname)
}
