package catalogue

// families lists the families in the order in which a request meets their parts.
func families() []Family {
	return []Family{
		{ID: "service-wiring", Is: "the Service does not lead to the right listening port of the right pods"},
		{ID: "backend-availability", Is: "no pod, or no ready pod, stands behind the Service"},
		{ID: "route-config", Is: "the Ingress, HTTPRoute or Gateway sends the request to the wrong place or nowhere"},
		{ID: "protocol-tls", Is: "both ends talk, but not the same language"},
		{ID: "lifecycle-race", Is: "right at rest, wrong while something starts, stops, moves or idles"},
		{ID: "timeouts-limits", Is: "too slow, too many, too big"},
		{ID: "network", Is: "packets do not arrive"},
		{ID: "name-resolution", Is: "a name leads nowhere or to an old address"},
		{ID: "proxy-control-plane", Is: "the proxy does not do what the API objects say"},
		{ID: "cloud-lb", Is: "the load balancer in front"},
		{ID: "application", Is: "the application, or what it depends on, answers so itself"},
	}
}
