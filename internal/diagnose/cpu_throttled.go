package diagnose

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func cpuThrottled() Analyzer {
	return Analyzer{
		Cause:  "cpu-throttled",
		Doc:    "Finds workloads that answer too late because their CPU limit slows them down.",
		Inputs: append(podKinds(), snapshot.Other),
		run: func(v *view) []finding {
			var out []finding
			for _, w := range v.workloads {
				if f, ok := v.throttled(w); ok {
					out = append(out, f)
				} else if f, ok := v.throttledProbe(w); ok {
					out = append(out, f)
				}
			}
			return out
		},
	}
}

// scant is a CPU limit with which hardly any server answers in time: a twentieth of a core, which the kernel
// grants as 5 ms in every 100.
func scant() resource.Quantity { return resource.MustParse("50m") }

// throttled explains late answers by the CPU limit of the container that serves: it was lowered with the
// current revision, its use is at the limit, or it is next to nothing.
func (v *view) throttled(w *workload) (finding, bool) {
	routes, hits := late(w)
	if len(hits) == 0 {
		return finding{}, false
	}
	for i := range w.template.template.Spec.Containers {
		c := &w.template.template.Spec.Containers[i]
		now, has := c.Resources.Limits[corev1.ResourceCPU]
		if !has || now.IsZero() {
			continue
		}
		field := fmt.Sprintf("spec.template.spec.containers[%d].resources.limits.cpu", i)
		f := find("cpu-throttled", proven, at(w.ref, field), "").on(routes...).as(model.ResponseTimeout, model.ConnectTimeout).
			relates("workload", w.ref).relates("service", w.service())
		f = f.because("object", fmt.Sprintf("container %s may use %s of a CPU", c.Name, now.String()), w.ref, time.Time{})
		used, measured := v.usage(w, c.Name)
		switch before := limitBefore(w, c.Name); {
		case measured && used.MilliValue()*10 >= now.MilliValue()*9:
			f.Summary = fmt.Sprintf("container %s of %s uses all of its CPU limit of %s, so it answers too late", c.Name, w.ref, now.String())
			f = f.because("status", fmt.Sprintf("it uses %s", used.String()), w.ref, time.Time{})
		case before.MilliValue() >= 2*now.MilliValue() && !w.came.IsZero() && !hits[0].At.Before(w.came):
			f.Summary = fmt.Sprintf("container %s of %s may use %s of a CPU since its last revision, where it had %s, so it answers too late", c.Name, w.ref, now.String(), before.String())
			f = f.because("object", fmt.Sprintf("%s had %s", snapshot.RefOf(w.before), before.String()), snapshot.RefOf(w.before), w.came).since(w.came).wants(text(before.String()))
		case now.Cmp(scant()) <= 0:
			f.Summary = fmt.Sprintf("container %s of %s may use only %s of a CPU, so it answers too late", c.Name, w.ref, now.String())
		default:
			continue
		}
		return f.since(hits[0].At), true
	}
	return v.throttledSidecar(w, routes, hits)
}

// sidecarLimits are the annotations of pods by which people limit the CPU of the proxies that meshes put beside applications
// (istio.io/api, annotation; linkerd2, pkg/k8s/labels.go; consul-k8s, connect-inject/constants), by the container's name.
func sidecarLimits() map[string]string {
	return map[string]string{
		"istio-proxy":      "sidecar.istio.io/proxyCPULimit",
		"linkerd-proxy":    "config.linkerd.io/proxy-cpu-limit",
		"consul-dataplane": "consul.hashicorp.com/sidecar-proxy-cpu-limit",
	}
}

// throttledSidecar explains late answers by the proxy beside the application, through which every request goes, where it uses
// all of the CPU that it may. It is put into the pods alone, and the workload's annotation says how much that is.
func (v *view) throttledSidecar(w *workload, routes []*route, hits []model.Signal) (finding, bool) {
	for _, p := range w.pods {
		for _, c := range slices.Concat(p.Spec.Containers, p.Spec.InitContainers) {
			name, is := sidecarLimits()[c.Name]
			limit := c.Resources.Limits[corev1.ResourceCPU]
			used, measured := v.usage(w, c.Name)
			if !is || limit.IsZero() || !measured || used.MilliValue()*10 < limit.MilliValue()*9 {
				continue
			}
			field := "" // the mesh's own default
			if w.template.template.Annotations[name] != "" {
				field = annotationField(name)
			}
			return find("cpu-throttled", proven, at(w.ref, field),
				fmt.Sprintf("the sidecar %s of %s uses all of its CPU limit of %s, so requests come through it too late", c.Name, w.ref, limit.String())).
				on(routes...).as(model.ResponseTimeout, model.ConnectTimeout).relates("workload", w.ref).relates("service", w.service()).
				because("object", fmt.Sprintf("container %s may use %s of a CPU", c.Name, limit.String()), snapshot.RefOf(p), time.Time{}).
				because("status", fmt.Sprintf("it uses %s", used.String()), w.ref, time.Time{}).since(hits[0].At), true
		}
	}
	return finding{}, false
}

// throttledProbe explains probes that got no answer in time by the CPU limit of the container that they ask.
func (v *view) throttledProbe(w *workload) (finding, bool) {
	pods := v.affected(w, "pods-not-ready")
	if len(pods) == 0 {
		return finding{}, false
	}
	e := v.unhealthy(pods[0])
	field, c, ok := containerField(w, v.trouble(pods[0]).container, false)
	if e == nil || !ok || !gaveUp(e.Message) {
		return finding{}, false
	}
	limit, has := c.Resources.Limits[corev1.ResourceCPU]
	used, measured := v.usage(w, c.Name)
	if full := measured && used.MilliValue()*10 >= limit.MilliValue()*9; !has || limit.IsZero() || !full && limit.Cmp(scant()) > 0 {
		return finding{}, false
	}
	return v.onWorkload(w, "cpu-throttled", likely, field+".resources.limits.cpu",
		fmt.Sprintf("container %s of %s may use only %s of a CPU, and does not answer its readiness probe in time", c.Name, w.ref, limit.String()), pods).
		because("object", fmt.Sprintf("container %s may use %s of a CPU", c.Name, limit.String()), w.ref, time.Time{}), true
}

// late lists a workload's routes on which answers came too late, and these requests.
func late(w *workload) (routes []*route, hits []model.Signal) {
	for _, r := range w.routes {
		if h := r.hits(model.ResponseTimeout, model.ConnectTimeout); len(r.hits(model.ResponseTimeout)) > 0 {
			routes, hits = append(routes, r), append(hits, h...)
		}
	}
	return routes, hits
}

// limitBefore is the CPU limit of a container in the revision before; zero if it had none, or there is none.
func limitBefore(w *workload, container string) resource.Quantity {
	if c := beforeContainer(w, container); c != nil {
		return c.Resources.Limits[corev1.ResourceCPU]
	}
	return resource.Quantity{}
}

// usage is the most CPU that a container of the workload's pods uses, by the metrics API's objects.
func (v *view) usage(w *workload, container string) (most resource.Quantity, measured bool) {
	for o := range v.s.Others().In(w.ref.Namespace) {
		if o.GetKind() != "PodMetrics" || !v.ofWorkload(w, model.Ref{Namespace: o.GetNamespace(), Name: o.GetName()}) {
			continue
		}
		for i := range listAt(o.Object, "containers") {
			if dig(o.Object, fmt.Sprintf("containers[%d].name", i)) != container {
				continue
			}
			text, _ := dig(o.Object, fmt.Sprintf("containers[%d].usage.cpu", i)).(string)
			if q, err := resource.ParseQuantity(text); err == nil && (!measured || q.Cmp(most) > 0) {
				most, measured = q, true
			}
		}
	}
	return most, measured
}
