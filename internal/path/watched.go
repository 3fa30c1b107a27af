package path

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
)

// watchFlags are the settings with which a controller is told of which namespaces to read Ingresses, in lower case:
// those of ingress-nginx and F5's controller, Contour, Traefik and the HAProxy controllers, and Kong's variable.
func watchFlags() []string {
	return []string{"watch-namespace", "watch-namespaces", "providers.kubernetesingress.namespaces", "namespace-whitelist", "controller_watch_namespace"}
}

// watched lists the namespaces to which a controller's settings confine it, with the field that says so; none where it
// reads all, or where the setting is filled in at its start from what is not seen.
func watched(p *corev1.Pod) (namespaces []string, field string) {
	note := func(name, value, at string) {
		if value == "$(POD_NAMESPACE)" {
			value = p.Namespace
		}
		if value == "" || strings.Contains(value, "$(") || !slices.Contains(watchFlags(), strings.ToLower(strings.TrimLeft(name, "-"))) {
			return
		}
		namespaces, field = append(namespaces, strings.Split(value, ",")...), at
	}
	for i := range p.Spec.Containers {
		c := &p.Spec.Containers[i]
		for _, e := range c.Env {
			note(e.Name, e.Value, fmt.Sprintf("spec.template.spec.containers[%d].env[%s].value", i, e.Name))
		}
		for list, words := range [...][]string{c.Command, c.Args} {
			for j, w := range words {
				name, value, ok := strings.Cut(w, "=")
				if !ok && j+1 < len(words) {
					value = words[j+1]
				}
				note(name, value, fmt.Sprintf("spec.template.spec.containers[%d].%s", i, [...]string{"command", "args"}[list]))
			}
		}
	}
	return namespaces, field
}

// confine marks the rules of Ingresses that no controller of theirs reads, as each is told to read those of other
// namespaces.
func (m *Map) confine(routes []Route) {
	type reach struct {
		namespaces []string
		field      string
	}
	reaches, confined := map[model.Ref]reach{}, false
	for _, f := range m.fleets {
		ns, field := watched(f.Pod)
		reaches[f.Object] = reach{ns, field}
		confined = confined || len(ns) > 0
	}
	for i := range routes {
		r := &routes[i]
		if !confined || !r.Served() {
			continue
		}
		fleets := m.Fleets(*r)
		if len(fleets) == 0 || slices.ContainsFunc(fleets, func(f Fleet) bool {
			ns := reaches[f.Object].namespaces
			return len(ns) == 0 || slices.Contains(ns, r.Object.Namespace)
		}) {
			continue
		}
		by := fleets[0].Object
		field := reaches[by].field
		if by.Kind == "Pod" {
			field = strings.TrimPrefix(field, "spec.template.")
		}
		r.Faults = append(slices.Clip(r.Faults), Fault{Kind: ClassMissing, Object: model.FieldRef{Ref: by, Field: field},
			Why: fmt.Sprintf("%s reads the Ingresses of namespace %s only, so no controller serves %s", by, strings.Join(reaches[by].namespaces, ", "), r.Object)})
	}
}
