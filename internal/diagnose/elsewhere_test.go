package diagnose

import (
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/gatemend/gatemend/internal/model"
)

// blog is a route beside that of base.yaml, with everything that it needs.
const blog = `items:
- {apiVersion: v1, kind: Namespace, metadata: {name: blog}}
- apiVersion: networking.k8s.io/v1
  kind: Ingress
  metadata: {name: blog, namespace: blog}
  spec: {ingressClassName: nginx, rules: [{host: blog.example, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: blog, port: {number: 80}}}}]}}]}
- apiVersion: v1
  kind: Service
  metadata: {name: blog, namespace: blog}
  spec: {clusterIP: 10.96.0.90, selector: {app: blog}, ports: [{name: http, port: 80, targetPort: 8080, protocol: TCP}]}
- apiVersion: v1
  kind: Pod
  metadata: {name: blog-0, namespace: blog, labels: {app: blog}, creationTimestamp: "2026-05-01T00:00:00Z"}
  spec: {containers: [{name: blog, image: blog, ports: [{name: http, containerPort: 8080}]}]}
  status:
    phase: Running
    podIP: 10.0.9.9
    conditions: [{type: PodScheduled, status: "True"}, {type: Ready, status: "True", lastTransitionTime: "2026-05-01T00:00:10Z"}]
    containerStatuses: [{name: blog, ready: true, started: true, restartCount: 0, state: {running: {startedAt: "2026-05-01T00:00:05Z"}}}]
- apiVersion: discovery.k8s.io/v1
  kind: EndpointSlice
  metadata: {name: blog-1, namespace: blog, labels: {kubernetes.io/service-name: blog}}
  addressType: IPv4
  ports: [{name: http, port: 8080, protocol: TCP}]
  endpoints: [{addresses: [10.0.9.9], conditions: {ready: true, serving: true}, targetRef: {kind: Pod, name: blog-0, namespace: blog}}]
`

// TestWrongElsewhere asks about a route that works while each cause's positive case breaks another one: what is
// wrong there is not the cause of anything here. What stops the gateway itself, in namespace edge, stops both.
func TestWrongElsewhere(t *testing.T) {
	for _, a := range Analyzers() {
		archive, err := txtar.ParseFile(filepath.Join("testdata", string(a.Cause)+".txtar"))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range casesOf(archive) {
			if !strings.HasPrefix(c, "positive") {
				continue
			}
			in := Input{Target: model.Target{Request: &model.Request{Host: "blog.example", Path: "/post"}}}
			objects := patched(t, base(t), []byte(blog))
			for _, f := range archive.Files {
				switch f.Name {
				case c + "/patch.yaml":
					objects = patched(t, objects, f.Data)
				case c + "/signals.yaml":
					in.Signals = signals(t, f.Data)
				}
			}
			for _, s := range signals(t, []byte(`- {ago: 120, times: 900, status: 200, path: /post}`)) {
				s.Request.Host = "blog.example"
				in.Signals = append(in.Signals, s)
			}
			in.Snapshot = build(t, objects, nil)
			for _, f := range Diagnose(in).Causes {
				if f.Object.Namespace == "edge" {
					continue
				}
				t.Errorf("%s %s: %s is called the cause of what works: %s", a.Cause, c, f.ID, f.Summary)
			}
		}
	}
}
