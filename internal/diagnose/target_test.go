package diagnose

import (
	"testing"

	"github.com/gatemend/gatemend/internal/model"
)

const second = `
items:
- apiVersion: networking.k8s.io/v1
  kind: Ingress
  metadata: {name: mail, namespace: post}
  spec: {ingressClassName: nginx, rules: [{host: mail.example, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: gone, port: {number: 80}}}}]}}]}
`

func TestTarget(t *testing.T) {
	s := build(t, patched(t, base(t), []byte(second)), nil)
	for _, tt := range []struct {
		name    string
		target  model.Target
		traces  int
		causes  int
		healthy bool
	}{
		{"everything", model.Target{}, 2, 1, false},
		{"an Ingress", object("Ingress", "shop", "shop"), 1, 0, true},
		{"the other Ingress", object("Ingress", "post", "mail"), 1, 1, false},
		{"a Service", object("Service", "shop", "cart"), 1, 0, true},
		{"a Service that is not there", object("Service", "post", "gone"), 1, 1, false},
		{"a Deployment", object("Deployment", "shop", "cart"), 1, 0, true},
		{"a pod", object("Pod", "shop", "cart-new-a"), 1, 0, true},
		{"a Deployment on no route", object("Deployment", "shop", "mailer"), 0, 0, false},
		{"a namespace", object("Namespace", "", "shop"), 1, 0, true},
		{"a class", object("IngressClass", "", "nginx"), 2, 1, false},
		{"a request", model.Target{Request: &model.Request{Host: "shop.example", Path: "/cart/1"}}, 1, 0, true},
		{"a request that nothing takes", model.Target{Request: &model.Request{Host: "shop.example", Path: "/x"}}, 1, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := Diagnose(Input{Snapshot: s, Target: tt.target})
			if len(d.Traces) != tt.traces || len(d.Causes) != tt.causes || d.Healthy != tt.healthy {
				t.Errorf("%d traces, %d causes, healthy %v; want %d, %d, %v\n%s", len(d.Traces), len(d.Causes), d.Healthy, tt.traces, tt.causes, tt.healthy, show(d))
			}
		})
	}
}

func object(kind, namespace, name string) model.Target {
	return model.Target{Object: &model.Ref{Kind: kind, Namespace: namespace, Name: name}}
}

func TestRequestKeepsItsPath(t *testing.T) {
	req := model.Request{Host: "shop.example", Path: "/cart/1"}
	d := Diagnose(Input{Snapshot: build(t, base(t), nil), Target: model.Target{Request: &req}})
	if len(d.Traces) != 1 || d.Traces[0].Request.Path != req.Path {
		t.Errorf("the trace is of another request: %+v", d.Traces)
	}
}

// TestRedirectIsFollowed asks without a scheme about a host of which plain http is only redirected: what comes then by https counts.
func TestRedirectIsFollowed(t *testing.T) {
	objects := patched(t, base(t), []byte(`
items:
- apiVersion: networking.k8s.io/v1
  kind: Ingress
  metadata: {name: shop, namespace: shop}
  $delete: true
- apiVersion: gateway.networking.k8s.io/v1
  kind: GatewayClass
  metadata: {name: envoy}
  spec: {controllerName: projectcontour.io/gateway-controller}
- apiVersion: gateway.networking.k8s.io/v1
  kind: Gateway
  metadata: {name: public, namespace: edge}
  spec:
    gatewayClassName: envoy
    listeners:
    - {name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}
    - {name: https, port: 443, protocol: HTTPS, allowedRoutes: {namespaces: {from: All}}, tls: {certificateRefs: [{name: cert}]}}
- apiVersion: gateway.networking.k8s.io/v1
  kind: HTTPRoute
  metadata: {name: a-redirect, namespace: shop}
  spec:
    hostnames: [shop.example]
    parentRefs: [{name: public, namespace: edge, sectionName: http}]
    rules: [{filters: [{type: RequestRedirect, requestRedirect: {scheme: https, statusCode: 301}}], matches: [{path: {type: PathPrefix, value: /}}]}]
- apiVersion: gateway.networking.k8s.io/v1
  kind: HTTPRoute
  metadata: {name: shop, namespace: shop}
  spec:
    hostnames: [shop.example]
    parentRefs: [{name: public, namespace: edge, sectionName: https}]
    rules: [{backendRefs: [{name: gone, port: 80}], matches: [{path: {type: PathPrefix, value: /}}]}]
`))
	for scheme, traces := range map[string]int{"": 2, "http": 1, "https": 1} {
		d := Diagnose(Input{Snapshot: build(t, objects, nil), Target: model.Target{Request: &model.Request{Scheme: scheme, Host: "shop.example", Path: "/"}}})
		if len(d.Traces) != traces || d.Healthy != (scheme == "http") {
			t.Errorf("scheme %q: %d traces, healthy %v\n%s", scheme, len(d.Traces), d.Healthy, show(d))
		}
	}
}

func TestUnseenIsNeverHealthy(t *testing.T) {
	d := Diagnose(Input{Snapshot: build(t, base(t), nil), Unseen: []model.Unseen{{What: "logs", Why: "forbidden"}}})
	if d.Healthy || len(d.Unknown) != 1 {
		t.Errorf("healthy %v with unknown %v", d.Healthy, d.Unknown)
	}
}

func TestWantsLogs(t *testing.T) {
	crash := `
items:
- apiVersion: discovery.k8s.io/v1
  kind: EndpointSlice
  metadata: {name: cart-1, namespace: shop}
  endpoints: []
- apiVersion: v1
  kind: Pod
  metadata: {name: cart-new-b, namespace: shop}
  $delete: true
- apiVersion: v1
  kind: Pod
  metadata: {name: cart-new-a, namespace: shop}
  status:
    conditions: [{type: Ready, status: "False"}]
    containerStatuses:
    - name: cart
      ready: false
      restartCount: 3
      state: {waiting: {reason: CrashLoopBackOff}}
      lastState: {terminated: {exitCode: 1, reason: Error, finishedAt: "2026-05-01T11:59:00Z"}}
`
	s := build(t, patched(t, base(t), []byte(crash)), nil)
	got := WantsLogs(Diagnose(Input{Snapshot: s}), s)
	if len(got) != 1 || got[0].Pod.Name != "cart-new-a" || got[0].Container != "cart" || !got[0].Previous {
		t.Errorf("wants %+v, want the log of the run that died", got)
	}

	s = build(t, base(t), nil)
	in := Input{Snapshot: s, Signals: signals(t, []byte(`[{ago: 60, times: 5, status: 502, failure: refused, upstream: "10.0.0.11:8080"}]`))}
	if got := WantsLogs(Diagnose(in), s); len(got) != 2 || got[0].Previous {
		t.Errorf("wants %+v, want the logs of both ready pods", got)
	}
	if got := WantsLogs(Diagnose(Input{Snapshot: s}), s); len(got) != 0 {
		t.Errorf("wants %+v of a healthy cluster", got)
	}
}

// TestErrorLogLinesAreNotCounted joins the reason of an error-log line to its request and counts the
// request once.
func TestErrorLogLinesAreNotCounted(t *testing.T) {
	in := Input{Snapshot: build(t, base(t), nil), Signals: signals(t, []byte(`
- {ago: 60, times: 3, status: 502, upstream: "10.0.0.11:8080"}
- {ago: 60, times: 3, status: 0, failure: header-too-big, upstream: "10.0.0.11:8080", reason: upstream sent too big header, errorLog: true}
- {ago: 30, times: 7, status: 200}
`))}
	d := Diagnose(in)
	if len(d.Observed) != 1 || d.Observed[0].Count != 3 || d.Observed[0].Requests != 10 || d.Observed[0].Failure != model.HeaderTooBig {
		t.Errorf("observed %+v, want 3 of 10 requests with header-too-big", d.Observed)
	}
}

// TestStartingPodsAreNoBadRollout: in the middle of a rollout none of the new pods is ready yet, which
// must not lead to a rollback.
func TestStartingPodsAreNoBadRollout(t *testing.T) {
	young := `
items:
- apiVersion: discovery.k8s.io/v1
  kind: EndpointSlice
  metadata: {name: cart-1, namespace: shop}
  endpoints: []
- apiVersion: v1
  kind: Pod
  metadata: {name: cart-new-b, namespace: shop}
  $delete: true
- apiVersion: v1
  kind: Pod
  metadata: {name: cart-new-a, namespace: shop, creationTimestamp: "2026-05-01T11:59:50Z"}
  status:
    conditions: [{type: Ready, status: "False"}]
    containerStatuses: [{name: cart, ready: false, started: true, restartCount: 0, state: {running: {startedAt: "2026-05-01T11:59:52Z"}}}]
`
	d := Diagnose(Input{Snapshot: build(t, patched(t, base(t), []byte(young)), nil)})
	for _, f := range d.Causes {
		if f.Confidence >= proven {
			t.Errorf("sure of %s while the pod is starting:\n%s", f.ID, show(d))
		}
	}
	if d.Healthy || len(d.Causes) == 0 {
		t.Errorf("nothing is said of a Service without endpoints:\n%s", show(d))
	}
}
