package path

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gatemend/gatemend/internal/model"
)

// TestServiceChoice: which endpoints a gateway gets to that dials a Service's address, from the zone and node of its pods.
func TestServiceChoice(t *testing.T) {
	node := func(name, zone string) string {
		return `{apiVersion: v1, kind: Node, metadata: {name: ` + name + `, labels: {topology.kubernetes.io/zone: ` + zone + `}}, status: {conditions: [{type: Ready, status: "True"}]}}`
	}
	gate := func(name, node string) string {
		return `{apiVersion: v1, kind: Pod, metadata: {name: ` + name + `, namespace: edge}, spec: {nodeName: ` + node + `, containers: [{name: controller, image: "registry.k8s.io/ingress-nginx/controller:v1"}]}, status: {phase: Running, conditions: [{type: Ready, status: "True"}]}}`
	}
	pod := func(name, node, ready string) string {
		return `{apiVersion: v1, kind: Pod, metadata: {name: ` + name + `, namespace: shop, labels: {app: cart}}, spec: {nodeName: ` + node + `, containers: [{name: c, image: c}]}, status: {phase: Running, podIP: 10.0.0.1, conditions: [{type: Ready, status: "` + ready + `"}]}}`
	}
	end := func(ip, pod, node, hints string) string {
		return `{addresses: [` + ip + `], conditions: {ready: true}, nodeName: ` + node + `, targetRef: {kind: Pod, name: ` + pod + `, namespace: shop}, hints: {` + hints + `}}`
	}
	slice := func(ends ...string) string {
		return `{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: cart-1, namespace: shop, labels: {kubernetes.io/service-name: cart}}, addressType: IPv4, ports: [{name: "", port: 80, protocol: TCP}], endpoints: [` + strings.Join(ends, ", ") + `]}`
	}
	service := func(more string) string {
		return `{apiVersion: v1, kind: Service, metadata: {name: cart, namespace: shop}, spec: {selector: {app: cart}, ports: [{port: 80}]` + more + `}}`
	}
	ingress := func(annotations string) string {
		return `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: cart, namespace: shop, annotations: {` + annotations + `}}, spec: {ingressClassName: nginx, rules: [{host: shop.example, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: cart, port: {number: 80}}}}]}}]}}`
	}
	const address, cookie = `nginx.ingress.kubernetes.io/service-upstream: "true"`, `nginx.ingress.kubernetes.io/affinity: cookie`
	const zoneA, zoneB = `forZones: [{name: a}]`, `forZones: [{name: b}]`
	const local, client = `, internalTrafficPolicy: Local`, `, sessionAffinity: ClientIP`
	both := slice(end("10.0.0.1", "good", "n1", zoneA), end("10.0.0.2", "bad", "n2", zoneB))
	for _, tt := range []struct {
		name                       string
		ingress, service, slice    string
		gates                      []string
		want                       string // addresses of the endpoints to which requests get
		predicts, says, saysNotAny string
	}{
		{"hints keep to the zone", ingress(address), service(""), both, []string{gate("g1", "n1")}, "10.0.0.1:80", "200", "1 of its 2 ready endpoints (hints for its zone a)", ""},
		{"the other zone has the bad one", ingress(address), service(""), both, []string{gate("g2", "n2")}, "10.0.0.2:80", "502", "hints for its zone b", ""},
		{"gateways in both zones", ingress(address), service(""), both, []string{gate("g1", "n1"), gate("g2", "n2")}, "10.0.0.1:80 10.0.0.2:80", "200|502", "pod edge/g2 on node n2", ""},
		{"a zone without an endpoint takes all", ingress(address), service(""), both, []string{gate("g3", "n3")}, "10.0.0.1:80 10.0.0.2:80", "200|502", "", "hints"},
		{"one endpoint without a hint", ingress(address), service(""), slice(end("10.0.0.1", "good", "n1", zoneA), end("10.0.0.2", "bad", "n2", "")), []string{gate("g1", "n1")}, "10.0.0.1:80 10.0.0.2:80", "200|502", "", "hints"},
		{"hints for nodes come first", ingress(address), service(""), slice(end("10.0.0.1", "good", "n1", zoneB+`, forNodes: [{name: n1}]`), end("10.0.0.2", "bad", "n2", zoneA+`, forNodes: [{name: n2}]`)), []string{gate("g1", "n1")}, "10.0.0.1:80", "200", "hints for its node", ""},
		{"who dials endpoints asks for no hint", ingress(""), service(""), both, []string{gate("g1", "n1")}, "10.0.0.1:80 10.0.0.2:80", "200|502", "", "hints"},
		{"a headless Service has no address", ingress(address), service(", clusterIP: None"), both, []string{gate("g1", "n1")}, "10.0.0.1:80 10.0.0.2:80", "200|502", "", "hints"},
		{"its own node only", ingress(address), service(local), both, []string{gate("g1", "n1")}, "10.0.0.1:80", "200", "internalTrafficPolicy Local", ""},
		{"none on its own node", ingress(address), service(local), both, []string{gate("g3", "n3")}, "", "504", "gets no connection", ""},
		{"the gateway's pod stays with one", ingress(address), service(client), both, []string{gate("g3", "n3")}, "10.0.0.1:80 10.0.0.2:80", "200|502", "each gateway's pod stays with the endpoint that it got first (spec.sessionAffinity: client address); about 1 of 2 meet failures only", ""},
		{"clients stay with one by a cookie", ingress(cookie), service(""), both, []string{gate("g1", "n1")}, "10.0.0.1:80 10.0.0.2:80", "200|502", "each client stays with the endpoint that it got first", ""},
		{"the Service's affinity, which nobody asks", ingress(""), service(client), both, []string{gate("g1", "n1")}, "10.0.0.1:80 10.0.0.2:80", "200|502", "", "stays"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			objects := append([]string{class, tt.ingress, tt.service, tt.slice, node("n1", "a"), node("n2", "b"), node("n3", "c"), pod("good", "n1", "True"), pod("bad", "n2", "False")}, tt.gates...)
			trace := New(world(t, objects)).Walk(model.Request{Host: "shop.example", Path: "/"})
			var got []string
			for _, e := range trace.Endpoints {
				got = append(got, e.Address)
			}
			text := fmt.Sprint(trace.Hops)
			if strings.Join(got, " ") != tt.want || trace.Predicts != tt.predicts || !strings.Contains(text, tt.says) || tt.saysNotAny != "" && strings.Contains(text, tt.saysNotAny) {
				t.Errorf("%v with %s, want %s with %s; hops:\n%s", got, trace.Predicts, tt.want, tt.predicts, text)
			}
		})
	}
}
