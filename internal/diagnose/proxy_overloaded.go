package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func proxyOverloaded() Analyzer {
	return Analyzer{
		Cause:  "proxy-overloaded",
		Doc:    "Finds gateways that fail requests because their own memory, CPU or workers do not suffice.",
		Inputs: append(podKinds(), snapshot.HorizontalAutoscalers),
		stage:  byWords,
		run: func(v *view) []finding {
			var out []finding
			asked := map[model.Ref]bool{}
			for _, r := range v.routes {
				for _, f := range v.m.Fleets(r.Route) {
					if asked[f.Object] {
						continue
					}
					asked[f.Object] = true
					if x, ok := v.shedding(f); ok {
						out = append(out, x)
					}
				}
			}
			if len(out) > 0 {
				return out
			}
			for _, r := range v.open() {
				if f, ok := v.told(spoken{cause: "proxy-overloaded", says: "the gateway turns requests for %s away because it has reached a limit of its own", where: atGateway}, r); ok {
					f.Object = v.memoryOfGateway(r)
					out = append(out, f)
				}
			}
			return out
		},
	}
}

// memoryOfGateway is the memory limit of the gateway that serves a route: what Envoy's overload manager watches, by
// default and as the gateways that are made of it set it up, unless Contour is told another one. Without a limit it is the
// gateway as a whole.
func (v *view) memoryOfGateway(r *route) model.FieldRef {
	object := v.gatewayOf(r)
	for _, f := range v.m.Fleets(r.Route) {
		if field := maxHeap(f.Pod.Spec.InitContainers); field != "" && f.Object == object.Ref && object.Field == "" {
			object.Field = field
		}
		for i, c := range f.Pod.Spec.Containers {
			if _, limited := c.Resources.Limits[corev1.ResourceMemory]; limited && f.Object == object.Ref && object.Field == "" {
				object.Field = fmt.Sprintf("spec.template.spec.containers[%d].resources.limits.memory", i)
			}
		}
	}
	return object
}

// maxHeap is the field that tells Contour's bootstrap how large Envoy's heap may be, empty if none does: "contour bootstrap
// --overload-max-heap", 0 for no limit (projectcontour/contour, site/content/docs, overload manager).
func maxHeap(inits []corev1.Container) string {
	for i, c := range inits {
		if slices.ContainsFunc(append(slices.Clone(c.Command), c.Args...), func(a string) bool {
			size, set := strings.CutPrefix(a, "--overload-max-heap=")
			return set && size != "0"
		}) {
			return fmt.Sprintf("spec.template.spec.initContainers[%d].args", i)
		}
	}
	return ""
}

// shedding finds a gateway some of whose pods were just killed at their memory limit while the others serve,
// where requests fail for no other reason.
func (v *view) shedding(f path.Fleet) (finding, bool) {
	var hurt []*route
	for _, r := range v.open() {
		if r.failures > 0 && slices.ContainsFunc(v.m.Fleets(r.Route), func(o path.Fleet) bool { return o.Object == f.Object }) {
			hurt = append(hurt, r)
		}
	}
	killed, last := killedPods(v, f)
	if len(hurt) == 0 || len(killed) == 0 {
		return finding{}, false
	}
	t := v.trouble(killed[0])
	field, limit := "", "its node's memory"
	for i, c := range f.Pod.Spec.Containers {
		if c.Name != t.container {
			continue
		}
		field = fmt.Sprintf("spec.template.spec.containers[%d].resources.limits.memory", i)
		if q, ok := c.Resources.Limits[corev1.ResourceMemory]; ok {
			limit = "its limit of " + q.String()
		}
	}
	x := find("proxy-overloaded", proven, at(f.Object, field), fmt.Sprintf("%s of the gateway %s %s killed for using more memory than %s, and with them the requests that they carried", share(len(killed), len(f.Pods)), f.Object, form(len(killed), "was", "were"), limit)).
		on(hurt...).as(model.Reset, model.ClosedEarly, model.Overload, model.Refused, model.NoRoute, model.OtherFailure).relates("workload", f.Object).since(last)
	return x.because("status", fmt.Sprintf("pod %s: %s", killed[0].Name, t.why), snapshot.RefOf(killed[0]), t.at), true
}

// killedPods lists a fleet's pods that were killed for their memory lately.
func killedPods(v *view, f path.Fleet) (killed []*corev1.Pod, last time.Time) {
	for _, p := range f.Pods {
		if t := v.trouble(p); t.cause == "oom-killed" {
			killed, last = append(killed, p), newestOf(last, t.at)
		}
	}
	return killed, last
}
