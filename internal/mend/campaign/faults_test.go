package campaign

import (
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan/plantest"
	"github.com/gatemend/gatemend/internal/testkit/simapi"
)

// gone reports whether a request came too late.
func gone(err error) bool { return apierrors.IsNotFound(err) || apierrors.IsAlreadyExists(err) }

// fault is a way to break an application. What a diagnosis says of it is written down, too: this campaign is about what
// is done then.
type fault struct {
	name   string
	breaks func(w *world, app string)
	// finds is the finding for as long as the fault is there. It has the server's lock.
	finds func(w *world, app string, good model.Ref) (model.Finding, bool)
	// observed is what gateways report of it; nil: nothing in particular.
	observed func(w *world, app string) []model.Observation
}

// field finds a value in an object, nil where there is none.
func (w *world) field(kind, name string, path ...string) any {
	o := w.api.Get(kind, plantest.Namespace, name)
	if o == nil {
		return nil
	}
	var v any = o.Object
	for _, step := range path {
		switch t := v.(type) {
		case map[string]any:
			v = t[step]
		case []any:
			if len(t) == 0 {
				return nil
			}
			v = t[0] // every list here has one item that matters
			if step != "0" {
				return nil
			}
		default:
			return nil
		}
	}
	return v
}

// set gives a field of nested maps and first items a value; nil takes it away.
func set(fields map[string]any, value any, path ...string) {
	var at any = fields
	for _, step := range path[:len(path)-1] {
		switch t := at.(type) {
		case map[string]any:
			if t[step] == nil {
				t[step] = map[string]any{}
			}
			at = t[step]
		case []any:
			at = t[0]
		}
	}
	if m, ok := at.(map[string]any); ok {
		if m[path[len(path)-1]] = value; value == nil {
			delete(m, path[len(path)-1])
		}
	}
}

var container = []string{"spec", "template", "spec", "containers", "0"}

// revised is a fault that comes with a new revision of the Deployment.
func revised(name string, id model.CauseID, field string, wanted string, value any, path ...string) fault {
	path = append(append([]string{}, container...), path...)
	return fault{
		name: name,
		breaks: func(w *world, app string) {
			w.edit("Deployment", app, func(o map[string]any) { set(o, value, path...) })
		},
		finds: func(w *world, app string, good model.Ref) (model.Finding, bool) {
			f := on(app, plantest.Finding(id, "Deployment", app, plantest.Container+field, wanted))
			f.Related["goodRevision"] = good
			return f, asText(w.field("Deployment", app, path...)) == asText(value)
		},
	}
}

// on makes a finding one of an application's route.
func on(app string, f model.Finding) model.Finding {
	f.Routes = []model.Ref{plantest.Ref("Ingress", app)}
	f.Related["workload"] = plantest.Ref("Deployment", app)
	return f
}

// edited is a fault of one field of a Service or an Ingress.
func edited(name, kind string, find func(app string) model.Finding, value any, path ...string) fault {
	return fault{
		name: name,
		breaks: func(w *world, app string) {
			w.edit(kind, app, func(o map[string]any) { set(o, value, path...) })
		},
		finds: func(w *world, app string, _ model.Ref) (model.Finding, bool) {
			return on(app, find(app)), asText(w.field(kind, app, path...)) == asText(value)
		},
	}
}

func faults() []fault {
	backend := []string{"spec", "rules", "0", "http", "paths", "0", "backend", "service"}
	return []fault{
		edited("target-port", "Service", func(app string) model.Finding {
			return plantest.Finding("target-port-mismatch", "Service", app, "spec.ports[0].targetPort", "8080")
		}, int64(9999), "spec", "ports", "0", "targetPort"),
		edited("named-port", "Service", func(app string) model.Finding {
			return plantest.Finding("named-port-missing", "Service", app, "spec.ports[0].targetPort", `"http"`)
		}, "web", "spec", "ports", "0", "targetPort"),
		edited("selector", "Service", func(app string) model.Finding {
			return plantest.Finding("selector-mismatch", "Service", app, "spec.selector.tier", fmt.Sprintf(`{"app":%q}`, app))
		}, "web-tier", "spec", "selector", "tier"),
		edited("route-port", "Ingress", func(app string) model.Finding {
			f := plantest.Finding("service-port-missing", "Ingress", app, "spec.rules[0].http.paths[0].backend.service.port.number", "80")
			f.Related["service"] = plantest.Ref("Service", app)
			return f
		}, int64(8081), append(backend, "port", "number")...),
		edited("route-service", "Ingress", func(app string) model.Finding {
			return plantest.Finding("service-missing", "Ingress", app, "spec.rules[0].http.paths[0].backend.service.name", fmt.Sprintf("%q", app))
		}, "nobody", append(backend, "name")...),
		{
			name:   "service-deleted",
			breaks: func(w *world, app string) { w.erase("Service", app) },
			finds: func(w *world, app string, _ model.Ref) (model.Finding, bool) {
				f := plantest.Finding("service-missing", "Service", app, "metadata.name (object missing)", "")
				f.Related["route"] = plantest.Ref("Ingress", app)
				return on(app, f), w.api.Get("Service", plantest.Namespace, app) == nil
			},
		},
		edited("scaled-to-zero", "Deployment", func(app string) model.Finding {
			return plantest.Finding("no-replicas", "Deployment", app, "spec.replicas", "2")
		}, int64(0), "spec", "replicas"),
		revised("crash-loop", "container-crashloop", "", "", []any{map[string]any{"name": "MODE", "value": "x"}}, "env"),
		revised("image-pull", "image-pull", ".image", "", "shop:typo", "image"),
		revised("probe-path", "readiness-probe-misconfigured", ".readinessProbe.httpGet.path", `"/readyz"`, "/ready", "readinessProbe", "httpGet", "path"),
		// Twice as much is not enough, but the former limit is.
		revised("oom", "oom-killed", ".resources.limits.memory", "", "16Mi", "resources", "limits", "memory"),
		{
			name: "startup-slow",
			breaks: func(w *world, app string) {
				w.edit("Deployment", app, func(o map[string]any) {
					set(o, "shop:v3", append(container, "image")...)
					set(o, map[string]any{
						"httpGet": map[string]any{"path": "/livez", "port": int64(8080), "scheme": "HTTP"}, "periodSeconds": int64(5), "timeoutSeconds": int64(1),
						"successThreshold": int64(1), "failureThreshold": int64(2),
					}, append(container, "livenessProbe")...)
				})
			},
			finds: func(w *world, app string, _ model.Ref) (model.Finding, bool) { // nobody knows a good revision
				slow := w.field("Deployment", app, append(container, "image")...) == "shop:v3" && w.field("Deployment", app, append(container, "startupProbe")...) == nil
				return on(app, plantest.Finding("startup-too-slow", "Deployment", app, plantest.Container+".livenessProbe", "")), slow
			},
		},
		{
			name:   "sick-pods",
			breaks: func(w *world, app string) { w.afflict(app, "sick") },
			finds: func(w *world, app string, _ model.Ref) (model.Finding, bool) {
				unready := 0
				for _, o := range w.api.All("Pod") {
					if strings.HasPrefix(o.GetName(), app+"-") && !simapi.Ready(o) {
						unready++
					}
				}
				return on(app, plantest.Finding("app-workers-exhausted", "Deployment", app, "", "")), unready > 0
			},
		},
		{
			name:   "bad-pod",
			breaks: func(w *world, app string) { w.afflict(app, "bad") },
			finds: func(w *world, app string, _ model.Ref) (model.Finding, bool) {
				f := plantest.Finding("app-error", "Deployment", app, "", "")
				f.Related["service"] = plantest.Ref("Service", app)
				return on(app, f), len(w.bad(app)) > 0
			},
			observed: func(w *world, app string) []model.Observation {
				return []model.Observation{{
					Route: app + ".shop.test/", Object: plantest.Ref("Ingress", app), Proxy: "nginx", Status: 500, Failure: model.UpstreamStatus,
					Count: 40, Requests: 160, Upstreams: w.bad(app),
				}}
			},
		},
		// What no machine mends: the application itself is at fault.
		{
			name:   "application",
			breaks: func(w *world, app string) { w.api.Do(func() { w.jinxed[app] = true }) },
			finds: func(w *world, app string, _ model.Ref) (model.Finding, bool) {
				return on(app, plantest.Finding("app-error", "Deployment", app, "", "")), w.jinxed[app]
			},
		},
	}
}

// afflict does something to the first pod of an application, of four.
func (w *world) afflict(app, how string) {
	w.edit("Deployment", app, func(o map[string]any) { set(o, int64(4), "spec", "replicas") })
	name := ""
	w.api.Do(func() {
		for _, o := range w.api.All("Pod") {
			if name == "" && strings.HasPrefix(o.GetName(), app+"-") && metav1.GetControllerOf(o) != nil {
				name = o.GetName()
			}
		}
	})
	w.edit("Pod", name, func(o map[string]any) { set(o, "true", "metadata", "annotations", how) })
}

// bad are the addresses of the pods in service that answer with errors.
func (w *world) bad(app string) []string {
	var out []string
	for _, o := range w.api.All("Pod") {
		ip, _, err := unstructured.NestedString(o.Object, "status", "podIP")
		if err == nil && o.GetAnnotations()["bad"] != "" && o.GetLabels()["app"] == app {
			out = append(out, ip+":8080")
		}
	}
	return out
}
