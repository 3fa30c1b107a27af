package snapshot

import "sync"

// Custom is a custom resource that bears on requests: it tells a gateway how to route, keeps pods, or harms them.
// Objects of it are among [Snapshot.Others]; package custom reads the fields of those that routes are made of.
type Custom struct {
	Group, Kind, Plural string
	Versions            []string // whose fields we know, newest first
	ClusterScoped       bool
}

// Customs lists the custom resources that are read. It is shared: nobody writes to it.
func Customs() []Custom { return customs().list }

// customs are all of them, and where each is by its group and kind.
var customs = sync.OnceValue(func() (out struct {
	list []Custom
	at   map[[2]string]int
},
) {
	add := func(group string, versions []string, kinds ...[2]string) {
		for _, k := range kinds {
			out.list = append(out.list, Custom{Group: group, Kind: k[0], Plural: k[1], Versions: versions})
		}
	}
	alpha := []string{"v1alpha1"}
	istio, security := []string{"v1", "v1beta1", "v1alpha3"}, []string{"v1", "v1beta1"}
	add("projectcontour.io", []string{"v1"}, [2]string{"HTTPProxy", "httpproxies"})
	for _, group := range []string{"traefik.io", "traefik.containo.us"} { // the second until Traefik 3
		add(group, alpha, [2]string{"IngressRoute", "ingressroutes"}, [2]string{"TraefikService", "traefikservices"},
			[2]string{"Middleware", "middlewares"}, [2]string{"ServersTransport", "serverstransports"}, [2]string{"TLSStore", "tlsstores"})
	}
	add("k8s.nginx.org", []string{"v1"}, [2]string{"VirtualServer", "virtualservers"}, [2]string{"VirtualServerRoute", "virtualserverroutes"})
	add("networking.istio.io", istio, [2]string{"VirtualService", "virtualservices"}, [2]string{"DestinationRule", "destinationrules"},
		[2]string{"Gateway", "gateways"}, [2]string{"ServiceEntry", "serviceentries"}, [2]string{"Sidecar", "sidecars"})
	add("security.istio.io", security, [2]string{"PeerAuthentication", "peerauthentications"}, [2]string{"AuthorizationPolicy", "authorizationpolicies"})
	// What the Gateway API adds to the kinds that have tables of their own.
	add("gateway.networking.k8s.io", []string{"v1", "v1alpha3", "v1alpha2"}, [2]string{"TLSRoute", "tlsroutes"}, [2]string{"BackendTLSPolicy", "backendtlspolicies"})
	add("gateway.networking.k8s.io", []string{"v1", "v1alpha2"}, [2]string{"TCPRoute", "tcproutes"})
	add("gateway.networking.k8s.io", []string{"v1"}, [2]string{"ListenerSet", "listenersets"})
	add("gateway.networking.x-k8s.io", alpha, [2]string{"XListenerSet", "xlistenersets"})
	// Filters of rules with which gateways answer by themselves.
	add("gateway.envoyproxy.io", alpha, [2]string{"HTTPRouteFilter", "httproutefilters"})
	add("gateway.kgateway.dev", alpha, [2]string{"DirectResponse", "directresponses"})
	// What makes pods and shifts requests between their revisions.
	add("argoproj.io", alpha, [2]string{"Rollout", "rollouts"})
	add("flagger.app", []string{"v1beta1"}, [2]string{"Canary", "canaries"})
	// Who keeps certificates.
	add("cert-manager.io", []string{"v1"}, [2]string{"Certificate", "certificates"}, [2]string{"Issuer", "issuers"})
	out.list = append(out.list, Custom{"cert-manager.io", "ClusterIssuer", "clusterissuers", []string{"v1"}, true})
	// Who may ask whom, by Linkerd.
	add("policy.linkerd.io", []string{"v1beta3", "v1beta2", "v1beta1", "v1alpha1"}, [2]string{"Server", "servers"}, [2]string{"ServerAuthorization", "serverauthorizations"})
	add("policy.linkerd.io", alpha, [2]string{"AuthorizationPolicy", "authorizationpolicies"})
	// Who sets what pods may use.
	add("autoscaling.k8s.io", []string{"v1"}, [2]string{"VerticalPodAutoscaler", "verticalpodautoscalers"})
	// Experiments that break things on purpose.
	add("chaos-mesh.org", alpha, [2]string{"PodChaos", "podchaos"}, [2]string{"NetworkChaos", "networkchaos"}, [2]string{"HTTPChaos", "httpchaos"},
		[2]string{"StressChaos", "stresschaos"}, [2]string{"DNSChaos", "dnschaos"}, [2]string{"IOChaos", "iochaos"}, [2]string{"TimeChaos", "timechaos"})
	add("litmuschaos.io", alpha, [2]string{"ChaosEngine", "chaosengines"})
	out.at = make(map[[2]string]int, len(out.list))
	for i, c := range out.list {
		out.at[[2]string{c.Group, c.Kind}] = i
	}
	return out
})

// customOf finds the custom resource of a group and kind.
func customOf(group, kind string) (Custom, bool) {
	all := customs()
	i, ok := all.at[[2]string{group, kind}]
	if !ok {
		return Custom{}, false
	}
	return all.list[i], true
}
