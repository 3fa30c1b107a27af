package snapshot

import "slices"

// Custom is a custom resource that tells a gateway how to route. Objects of it are among
// [Snapshot.Others]; package custom reads their fields.
type Custom struct {
	Group, Kind, Plural string
	Versions            []string // whose fields we know, newest first
}

// Customs lists the custom resources that are read.
func Customs() []Custom {
	istio := []string{"v1", "v1beta1", "v1alpha3"}
	security := []string{"v1", "v1beta1"}
	var out []Custom
	out = append(out, Custom{"projectcontour.io", "HTTPProxy", "httpproxies", []string{"v1"}})
	for _, group := range []string{"traefik.io", "traefik.containo.us"} { // the second until Traefik 3
		out = append(out,
			Custom{group, "IngressRoute", "ingressroutes", []string{"v1alpha1"}},
			Custom{group, "TraefikService", "traefikservices", []string{"v1alpha1"}},
			Custom{group, "Middleware", "middlewares", []string{"v1alpha1"}},
			Custom{group, "ServersTransport", "serverstransports", []string{"v1alpha1"}})
	}
	return append(out,
		Custom{"networking.istio.io", "VirtualService", "virtualservices", istio},
		Custom{"networking.istio.io", "DestinationRule", "destinationrules", istio},
		Custom{"networking.istio.io", "Gateway", "gateways", istio},
		Custom{"networking.istio.io", "ServiceEntry", "serviceentries", istio},
		Custom{"networking.istio.io", "Sidecar", "sidecars", istio},
		Custom{"security.istio.io", "PeerAuthentication", "peerauthentications", security},
		Custom{"security.istio.io", "AuthorizationPolicy", "authorizationpolicies", security},
	)
}

// customOf finds the custom resource of a group and kind.
func customOf(group, kind string) (Custom, bool) {
	all := Customs()
	i := slices.IndexFunc(all, func(c Custom) bool { return c.Group == group && c.Kind == kind })
	if i < 0 {
		return Custom{}, false
	}
	return all[i], true
}
