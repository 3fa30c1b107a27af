package diagnose

import (
	"strings"
	"testing"

	"github.com/gatemend/gatemend/internal/model"
)

// everyHost is a rule for every host beside the one for shop.example.
const everyHost = `
items:
- apiVersion: networking.k8s.io/v1
  kind: Ingress
  metadata: {name: help, namespace: shop}
  spec:
    ingressClassName: nginx
    rules: [{http: {paths: [{path: /help, pathType: Prefix, backend: {service: {name: cart, port: {number: 80}}}}]}}]
`

// TestHiddenRules asks for a page whose rule is for every host, at a host that has rules of its own: those alone are asked.
func TestHiddenRules(t *testing.T) {
	s := build(t, patched(t, base(t), []byte(everyHost)), nil)
	for host, cause := range map[string]model.CauseID{"shop.example": "ingress-path-mismatch", "other.example": ""} {
		d := Diagnose(Input{Snapshot: s, Target: model.Target{Request: &model.Request{Host: host, Path: "/help/me"}}})
		got := model.CauseID("")
		if len(d.Causes) > 0 {
			got = d.Causes[0].ID
		}
		if got != cause {
			t.Fatalf("%s/help/me: cause %q, want %q\n%s", host, got, cause, show(d))
		}
		if cause != "" && (d.Causes[0].Object.Name != "help" || d.Causes[0].Confidence < proven) {
			t.Errorf("%s/help/me: %s at %s with %.2f", host, cause, d.Causes[0].Object, d.Causes[0].Confidence)
		}
	}
}

// TestSuppositionsStandBelow has a controller say that it takes no configuration any more, while a younger route answers
// 404 and cuts its path off: that the application knows none of its pages is only supposed.
func TestSuppositionsStandBelow(t *testing.T) {
	refused := finding{Finding: model.Finding{ID: "config-rejected", Family: "proxy-control-plane", Confidence: seen}}
	for name, tt := range map[string]struct {
		by   float64
		want bool
	}{"supposed": {likely, true}, "proven": {proven, false}} {
		if got := refused.outspoken(finding{Finding: model.Finding{ID: "route-annotation-wrong", Confidence: tt.by}}); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestRuleThatIsHiddenNow scans: a rule for every host is asked for different pages in vain since another Ingress has rules for
// their host, while other hosts are served as before. Where the rule came later, it never took them.
func TestRuleThatIsHiddenNow(t *testing.T) {
	for created, want := range map[string]bool{"2026-04-01T00:00:00Z": true, "2026-04-30T00:00:00Z": false} {
		objects := patched(t, base(t), []byte(strings.Replace(everyHost, "name: help, namespace: shop", `name: help, namespace: shop, creationTimestamp: "`+created+`"`, 1)+`
- apiVersion: networking.k8s.io/v1
  kind: Ingress
  metadata: {name: shop, namespace: shop, creationTimestamp: "2026-04-20T00:00:00Z"}
`))
		seen := signals(t, []byte(`
- {ago: 300, times: 5, status: 200, host: other.example, path: /help/me}
- {ago: 50, status: 404, failure: no-route, path: /help/a}
- {ago: 40, status: 404, failure: no-route, path: /help/b}
- {ago: 30, status: 404, failure: no-route, path: /help/c}
- {ago: 20, status: 404, failure: no-route, path: /help/d}
- {ago: 10, status: 404, failure: no-route, path: /help/e}
`))
		d := Diagnose(Input{Snapshot: build(t, objects, nil), Signals: seen})
		if got := len(d.Causes) > 0 && d.Causes[0].ID == "ingress-path-mismatch" && d.Causes[0].Object.Name == "help"; got != want {
			t.Errorf("created %s: told of the hidden rule: %t, want %t\n%s", created, got, want, show(d))
		}
	}
}
