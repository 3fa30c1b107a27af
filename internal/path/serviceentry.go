package path

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/snapshot/custom"
)

// entryFaults says what stands against the ServiceEntries to which a rule of Istio leads: Envoy has no cluster for a host
// that is not shown to its namespace or has no such port, and one without endpoints where they are to be listed
// (istio.io/latest/docs/reference/config/networking/service-entry: exportTo, ports, resolution, workloadSelector).
func (m *Map) entryFaults(r Route) []Fault {
	var out []Fault
	for _, b := range r.Backends {
		if b.Service.Kind != "ServiceEntry" || b.Weight == 0 {
			continue
		}
		i := slices.IndexFunc(m.custom.ServiceEntries, func(se *custom.ServiceEntry) bool { return se.Ref() == b.Service })
		if i < 0 {
			continue
		}
		if f, ok := m.entryFaultOf(r, b, m.custom.ServiceEntries[i]); ok {
			f.Kind, f.Backend = BackendInvalid, b.Field
			out = append(out, f)
		}
	}
	return out
}

func (m *Map) entryFaultOf(r Route, b Backend, se *custom.ServiceEntry) (Fault, bool) {
	ref := se.Ref()
	if from, hidden := m.hidden(r, se); hidden {
		return Fault{
			Object: model.FieldRef{Ref: ref, Field: "spec.exportTo"},
			Why:    fmt.Sprintf("%s is shown to namespaces %s only, and the gateway of %s runs in %s", ref, strings.Join(se.Spec.ExportTo, ", "), r.Object, from),
		}, true
	}
	has := func(n int32) bool {
		return slices.ContainsFunc(se.Spec.Ports, func(p custom.ServiceEntryPort) bool { return p.Number == n })
	}
	if b.PortNumber != 0 && !has(b.PortNumber) {
		f := Fault{
			Object: model.FieldRef{Ref: r.Object, Field: b.PortField},
			Why:    fmt.Sprintf("%s has no port %d; it has %s", ref, b.PortNumber, entryPorts(se)),
		}
		if len(se.Spec.Ports) == 1 {
			f.Wanted = strconv.Itoa(int(se.Spec.Ports[0].Number))
		}
		return f, true
	}
	if se.Spec.Resolution != "STATIC" || len(se.Spec.Endpoints) > 0 {
		return Fault{}, false // a name is looked up when it is asked for
	}
	at := model.FieldRef{Ref: ref, Field: "spec.endpoints"}
	if se.Spec.WorkloadSelector == nil {
		return Fault{Object: at, Why: fmt.Sprintf("%s has resolution STATIC and lists no endpoint", ref)}, true
	}
	if labels, ok := m.passedBy(se); ok && !m.anyReady(se) {
		at.Field = "spec.workloadSelector"
		return Fault{Object: at, Why: fmt.Sprintf("%s selects no ready pod and none of the WorkloadEntries of its namespace, which have %s", ref, labels)}, true
	}
	return Fault{}, false // WorkloadEntries may not have been read
}

// passedBy gives the labels of the WorkloadEntries of a ServiceEntry's namespace, if there are any and it selects none.
func (m *Map) passedBy(se *custom.ServiceEntry) (labels string, ok bool) {
	var have []string
	for u := range m.s.Others().All() {
		if u.GetKind() != "WorkloadEntry" || u.GetNamespace() != se.Namespace {
			continue
		}
		of, _, err := unstructured.NestedStringMap(u.Object, "spec", "labels")
		if err != nil || snapshot.Matches(se.Spec.WorkloadSelector.Labels, of) {
			return "", false
		}
		for _, k := range slices.Sorted(maps.Keys(of)) {
			have = append(have, k+"="+of[k])
		}
	}
	return strings.Join(have, ", "), len(have) > 0
}

// hidden reports whether a ServiceEntry is not shown to the namespace of a route's gateway, where that is known. Without
// exportTo it is shown to all.
func (m *Map) hidden(r Route, se *custom.ServiceEntry) (namespace string, hidden bool) {
	if len(se.Spec.ExportTo) == 0 {
		return "", false
	}
	for _, g := range m.Gateways(r) {
		if slices.ContainsFunc(se.Spec.ExportTo, func(to string) bool {
			return to == "*" || to == g.Namespace || to == "." && g.Namespace == se.Namespace
		}) {
			return "", false
		}
		namespace, hidden = g.Namespace, true
	}
	return namespace, hidden
}

func entryPorts(se *custom.ServiceEntry) string {
	var out []string
	for _, p := range se.Spec.Ports {
		out = append(out, fmt.Sprintf("%d (%s)", p.Number, p.Name))
	}
	if len(out) == 0 {
		return "none"
	}
	return strings.Join(out, ", ")
}

// outside is a backend that is a ServiceEntry against which nothing stands.
func (w *walker) outside(b Backend) {
	why, selected := "leads out of the cluster", false
	for _, se := range w.m.custom.ServiceEntries {
		if se.Ref() != b.Service {
			continue
		}
		if se.Spec.Location == "MESH_INTERNAL" {
			why = "leads to what it lists as part of the mesh"
		}
		switch {
		case se.Spec.Resolution == "STATIC" && se.Spec.WorkloadSelector != nil && len(se.Spec.Endpoints) == 0:
			selected = !w.m.anyReady(se)
		case strings.HasPrefix(se.Spec.Resolution, "DNS"):
			why += ", to addresses that DNS gives"
		}
	}
	if selected { // WorkloadEntries, which stand for machines outside, may match too
		w.hop(model.HopService, b.Service, model.Unknown, "selects no ready pod, and WorkloadEntries are not looked at")
		return
	}
	w.hop(model.HopService, b.Service, model.OK, why)
	w.predict("200")
}

// anyReady reports whether a ServiceEntry selects a ready pod.
func (m *Map) anyReady(se *custom.ServiceEntry) bool {
	for p := range m.s.Pods().In(se.Namespace) {
		if Ready(p) && snapshot.Matches(se.Spec.WorkloadSelector.Labels, p.Labels) {
			return true
		}
	}
	return false
}
