package diagnose

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
)

// besideNoAuthorizer finds an EnvoyFilter of Istio that has the sidecars of a route's pods ask for authorisation at an address of
// the pod itself, at a port of which no container there tells, while other pods have a container for it: whatever was to put
// it into these pods, too, did not.
func (v *view) besideNoAuthorizer(r *route) (object model.FieldRef, why string, ok bool) {
	for _, filter := range v.all("networking.istio.io", "EnvoyFilter") {
		for _, patch := range filter.list("spec", "configPatches") {
			port, asks := asksBeside(patch)
			if !asks {
				continue
			}
			for _, l := range r.legs {
				i := slices.IndexFunc(l.Selected, func(p *corev1.Pod) bool {
					return v.inMesh(p) && filters(filter, p) && !slices.Contains(path.Declared(p), port)
				})
				other := v.havingPort(filter, port)
				if i < 0 || other == nil {
					continue
				}
				w := v.s.WorkloadOf(l.Selected[i])
				return at(w, "spec.template.spec.containers"), fmt.Sprintf("%s has their proxies ask port %d of the pod itself, and no container of %s has it, as one of %s does",
					filter.ref, port, w, v.s.WorkloadOf(other)), true
			}
		}
	}
	return model.FieldRef{}, "", false
}

// asksBeside reads from a patch of Envoy's configuration the port of the pod itself at which a filter asks for authorisation
// (envoyproxy.io, extensions.filters.http.ext_authz.v3.ExtAuthz).
func asksBeside(patch piece) (port int32, ok bool) {
	config := patch.at("patch", "value", "typed_config")
	if !strings.Contains(config.text("@type"), "ext_authz") {
		return 0, false
	}
	address := config.at("grpc_service", "google_grpc").text("target_uri")
	if u, err := url.Parse(config.at("http_service", "server_uri").text("uri")); address == "" && err == nil {
		address = u.Host
	}
	host, text, err := net.SplitHostPort(address)
	if err != nil || host != "localhost" && !net.ParseIP(host).IsLoopback() {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 32)
	return int32(n), err == nil
}

// filters reports whether an EnvoyFilter is for a pod: of its namespace or the mesh's, by label (istio.io, Envoy Filter).
func filters(filter piece, p *corev1.Pod) bool {
	if filter.ref.Namespace != p.Namespace && filter.ref.Namespace != rootNamespace {
		return false
	}
	want := filter.labels("spec", "workloadSelector", "labels")
	return len(want) == 0 || matches(want, p.Labels)
}

// havingPort is a pod for which an EnvoyFilter is and of which a container has a port.
func (v *view) havingPort(filter piece, port int32) *corev1.Pod {
	for p := range v.s.Pods().All() {
		if filters(filter, p) && v.inMesh(p) && slices.Contains(path.Declared(p), port) {
			return p
		}
	}
	return nil
}
