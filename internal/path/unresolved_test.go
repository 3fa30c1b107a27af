package path

import "testing"

// What a rule answers whose Service, or the port of it, is not there: most controllers keep the rule and have no endpoint,
// some leave the rule out.
func TestUnresolvedBackend(t *testing.T) {
	service := `{apiVersion: v1, kind: Service, metadata: {name: cart, namespace: shop}, spec: {ports: [{name: admin, port: 9000}]}}`
	for controller, want := range map[string]string{
		"k8s.io/ingress-nginx":                   "503",
		"nginx.org/ingress-controller":           "502",
		"haproxy.org/ingress-controller/haproxy": "404",
		"haproxy-ingress.github.io/controller":   "503",
		"traefik.io/ingress-controller":          "404",
		"projectcontour.io/ingress-controller":   "503",
	} {
		objects := []string{
			`{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: nginx}, spec: {controller: ` + controller + `}}`,
			ingress("web", `rules: [`+rule("shop.example", "Prefix", "/", "cart")+`]`),
		}
		for what, all := range map[string][]string{"no Service": objects, "no such port": append(objects, service)} {
			m := New(world(t, all))
			if got := m.WalkRoute(m.Routes()[0]).Predicts; got != want {
				t.Errorf("%s, %s: predicts %s, want %s", controller, what, got, want)
			}
		}
	}
}
