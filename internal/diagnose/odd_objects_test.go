package diagnose

import (
	"testing"

	"github.com/gatemend/gatemend/internal/model"
)

// odd lists objects that an API server takes, or took once, and that few people write.
func odd() []string {
	const (
		ingress = `{"apiVersion":"networking.k8s.io/v1","kind":"Ingress","metadata":{"name":"odd","namespace":"shop"},`
		route   = `{"apiVersion":"gateway.networking.k8s.io/v1","kind":"HTTPRoute","metadata":{"name":"odd","namespace":"shop"},`
		service = `{"apiVersion":"v1","kind":"Service","metadata":{"name":"cart","namespace":"shop"},`
		slice   = `{"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{"name":"cart-1","namespace":"shop","labels":{"kubernetes.io/service-name":"cart"}},`
		pod     = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"cart-new-a","namespace":"shop","labels":{"app":"cart"}}`
	)
	return []string{
		ingress + `"spec":{}}`,
		ingress + `"spec":{"ingressClassName":"","rules":[{"host":"a.example"}]}}`,
		ingress + `"spec":{"ingressClassName":"nginx","rules":[{"http":{"paths":[{"backend":{}},{"path":"","backend":{"resource":{"kind":"StorageBucket","name":"b"}}}]}}]}}`,
		ingress + `"spec":{"ingressClassName":"nginx","defaultBackend":{"resource":{"apiGroup":"k8s.example","kind":"Bucket","name":"b"}}}}`,
		ingress + `"spec":{"ingressClassName":"nginx","rules":[{"host":"b.example","http":{"paths":[{"path":"/(","pathType":"ImplementationSpecific","backend":{"service":{"name":"cart","port":{}}}}]}}]}}`,
		route + `"spec":{}}`,
		route + `"spec":{"parentRefs":[{"name":"none"}],"rules":[{}]}}`,
		route + `"spec":{"parentRefs":[{"name":"cart","kind":"Service"}],"rules":[{"backendRefs":[{"name":"x","kind":"Bucket"}]}]}}`,
		route + `"spec":{"parentRefs":[{"name":"none"}],"rules":[{"backendRefs":[{"name":"cart","weight":0},{"name":"cart","namespace":"edge","port":80}],"matches":[{"path":{"type":"RegularExpression","value":"["}}]}]}}`,
		`[{"apiVersion":"gateway.networking.k8s.io/v1","kind":"Gateway","metadata":{"name":"none","namespace":"shop"},"spec":{"gatewayClassName":"c","listeners":[{"name":"l","port":80,"protocol":"HTTP","allowedRoutes":{"namespaces":{"from":"Selector"}}}]}},` + route + `"spec":{"parentRefs":[{"name":"none"}],"rules":[{"backendRefs":[{"name":"cart","port":80}]}]}}]`,
		service + `"spec":{}}`,
		service + `"spec":{"type":"ExternalName","externalName":"elsewhere.example","ports":[{"port":80}]}}`,
		service + `"spec":{"clusterIP":"None","selector":{"app":"cart"},"ports":[{"port":80,"targetPort":"nobody"}]}}`,
		service + `"spec":{"ports":[{"port":80,"targetPort":8080}]}}`,
		slice + `"addressType":"IPv6","ports":[{"port":8080}],"endpoints":[{"addresses":["2001:db8::1"],"conditions":{}}]}`,
		slice + `"addressType":"FQDN","endpoints":[{"addresses":["a.example"]}]}`,
		slice + `"addressType":"IPv4","ports":null,"endpoints":[{"addresses":[],"targetRef":{"kind":"Pod"}}]}`,
		slice + `"addressType":"IPv4","ports":[{"name":"http"}],"endpoints":null}`,
		pod + `}`,
		pod + `,"spec":{"containers":[]},"status":{"containerStatuses":[{"name":"x","state":{"waiting":{}},"lastState":{"terminated":{}}}]}}`,
		pod + `,"spec":{"nodeName":"gone","containers":[{"name":"x","readinessProbe":{}}]},"status":{"phase":"Failed"}}`,
		`{"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{"name":"cart-new","namespace":"shop","ownerReferences":[{"kind":"Deployment","name":"cart","uid":"d-cart","apiVersion":"apps/v1","controller":true}]},"spec":{"template":{"spec":{}}}}`,
		`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"cart","namespace":"shop"},"spec":{"template":{}}}`,
		`{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{"name":"odd","namespace":"shop"},"spec":{"podSelector":{"matchExpressions":[{"key":"","operator":"?"}]},"ingress":[{"from":[{}]},{"ports":[{}]},{"ports":[{"port":"x","endPort":9}]},{"from":[{"ipBlock":{"cidr":"nonsense"}}]}]}}`,
		`{"apiVersion":"v1","kind":"Event","metadata":{"name":"e","namespace":"shop"},"involvedObject":{"kind":"Pod"},"reason":"FailedMount"}`,
	}
}

// TestOddObjects diagnoses the base with each odd object, without and with requests that fail.
func TestOddObjects(t *testing.T) {
	seen := signals(t, []byte(`[{ago: 10, times: 5, status: 502, failure: refused}, {ago: 9, times: 3, status: 503, failure: no-endpoints, path: /other}]`))
	for _, o := range odd() {
		for _, with := range [][]model.Signal{nil, seen} {
			d := diagnoseAny(append(base(t), each([]byte(o))...), with)
			if len(d.Traces) == 0 {
				t.Errorf("no route is left beside %s", o)
			}
		}
	}
}
