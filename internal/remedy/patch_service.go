package remedy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// PatchService sets a Service's selector, targetPort or port, or an annotation.
func PatchService() Action {
	return Action{
		Name:       "patch-service",
		Doc:        "Sets the selector, targetPort or port of a Service, or the annotation that says what its pods speak.",
		When:       "the Service's selector, target, port or annotation is what is wrong, and the right value is known from pods, a revision or a route",
		Reach:      "every route through that Service",
		Back:       "the former value is set again",
		Risk:       model.RiskLow,
		Candidates: patchService,
	}
}

func patchService(c Case) []model.Remedy {
	f := c.Finding
	if f.ID == "service-port-missing" {
		return servicePort(c)
	}
	if f.Object.Kind != string(snapshot.Services) {
		return nil
	}
	want, ok := wanted(f)
	switch {
	case ok && f.ID == "selector-mismatch":
		return selector(c, want)
	case ok && strings.HasPrefix(f.Object.Field, "metadata.annotations"):
		return oneField(c, "patch-service", model.RiskLow, want, why(f, "the controller reads it from this annotation"))
	case ok:
		return oneField(c, "patch-service", model.RiskLow, want, why(f, "the pods answer there"))
	case f.ID == "target-port-mismatch" || f.ID == "named-port-missing":
		port, from := onlyPort(c.Snapshot, f.Related["workload"])
		if port == 0 {
			return nil
		}
		return oneField(c, "patch-service", model.RiskLow, decodedNumber(port), from)
	default:
		return nil
	}
}

// selector changes the keys that differ from the wanted selector, and no others.
func selector(c Case, want any) []model.Remedy {
	w, ok := want.(map[string]any)
	svc, t, found := object(c.Snapshot, c.Finding.Object.Ref)
	if !ok || !found || len(w) == 0 { // an empty selector would hand the endpoints over to nobody
		return nil
	}
	at := []string{"spec", "selector"}
	have, _ := lookup(t, at)
	h, _ := have.(map[string]any)
	var fields []model.FieldChange
	if h == nil {
		if change, ok := set(t, at, w); ok {
			fields = append(fields, change)
		}
	} else {
		fields = compareMaps(at, h, w)
	}
	if len(fields) == 0 {
		return nil
	}
	ref := snapshot.RefOf(svc)
	return []model.Remedy{finish(c, model.Remedy{
		Action: "patch-service", Risk: model.RiskLow, Why: why(c.Finding, "the intended pods carry these labels"),
		Changes: []model.Change{patchOf(svc, fields...)},
		Summary: fmt.Sprintf("selector %s -> %s on %s", pairs(h), pairs(w), ref),
	})}
}

// pairs writes a selector as kubectl does: "app=cart,tier=web".
func pairs(m map[string]any) string {
	if len(m) == 0 {
		return "(none)"
	}
	out := ""
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out += fmt.Sprintf(",%s=%v", k, m[k])
	}
	return out[1:]
}

// servicePort gives the Service the port that the route asks for. It is right only where nobody
// uses the present number, which the what-if finds out; correcting the route comes first.
func servicePort(c Case) []model.Remedy {
	svc, presence := c.Snapshot.Services().Get(c.Finding.Related["service"].Namespace, c.Finding.Related["service"].Name)
	route, t, ok := object(c.Snapshot, c.Finding.Object.Ref)
	if presence != snapshot.Present || !ok || len(svc.Spec.Ports) != 1 {
		return nil
	}
	path, err := tokens(c.Finding.Object.Field)
	if err != nil {
		return nil
	}
	asked, _ := lookup(t, path)
	var field []string
	switch asked.(type) {
	case string:
		field = []string{"spec", "ports", "0", "name"}
	case nil:
		return nil
	default:
		field = []string{"spec", "ports", "0", "port"}
	}
	st, err := tree(svc)
	if err != nil {
		return nil
	}
	change, ok := set(st, field, asked)
	if !ok {
		return nil
	}
	return []model.Remedy{finish(c, model.Remedy{
		Action: "patch-service", Risk: model.RiskMedium,
		Why:     fmt.Sprintf("%s asks for it", snapshot.RefOf(route)),
		Changes: []model.Change{patchOf(svc, change)},
		Summary: summary(lastName(field), change.Old, encode(asked), snapshot.RefOf(svc)),
	})}
}

// onlyPort is the port that a workload's containers declare, if they declare exactly one.
func onlyPort(s *snapshot.Snapshot, workload model.Ref) (port int32, from string) {
	spec := templateOf(s, workload)
	if spec == nil {
		return 0, ""
	}
	for _, c := range spec.Spec.Containers {
		for _, p := range c.Ports {
			if p.Protocol != "" && p.Protocol != corev1.ProtocolTCP {
				continue
			}
			if port != 0 {
				return 0, ""
			}
			port = p.ContainerPort
		}
	}
	return port, fmt.Sprintf("it is the only port that %s declares", workload)
}
