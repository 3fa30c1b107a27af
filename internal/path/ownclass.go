package path

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy/traefik"
)

// claimant is a workload that runs a product's controller, with the classes by which that chooses objects of the product's
// own kinds.
type claimant struct {
	by      model.Ref
	classes []string // "" stands for objects that name none
	known   bool     // false where it may be told of its classes elsewhere
}

// contours are the claimants of HTTPProxies. Without --ingress-class-name Contour takes what names no class or "contour",
// with it what names one of that list alone (projectcontour/contour, internal/ingressclass). A ContourConfiguration would
// say it elsewhere.
func (m *Map) contours() []claimant {
	var out []claimant
	for _, f := range m.fleets {
		serves := func(c corev1.Container) bool { return slices.Contains(slices.Concat(c.Command, c.Args), "serve") }
		if f.product != "contour" || !slices.ContainsFunc(f.Pod.Spec.Containers, serves) {
			continue // an Envoy of Contour's, or what makes Contours
		}
		c := claimant{f.Object, []string{"", "contour"}, flag(f.Pod, "contour-config-name") == ""}
		if class := flag(f.Pod, "ingress-class-name"); class != "" {
			c.classes, c.known = strings.Split(class, ","), true
		}
		out = append(out, c)
	}
	return out
}

// traefiks are the claimants of IngressRoutes. With an ingressClass Traefik's provider of custom resources takes what has
// just that in its annotation (Traefik's reference, "Kubernetes CRD", ingressClass). Without the flag a file or a variable
// may say it.
func (m *Map) traefiks() []claimant {
	var out []claimant
	for _, f := range m.fleets {
		if f.Proxy == traefik.Name {
			class := flag(f.Pod, "providers.kubernetescrd.ingressclass")
			out = append(out, claimant{f.Object, []string{class}, class != ""})
		}
	}
	return out
}

// unclaimed is the fault of an object of a controller's own kind that names a class, at a field, that none of those takes
// that might. Nothing is said where one may be told of its classes elsewhere, or may run where it was not looked for.
func (m *Map) unclaimed(class string, at model.FieldRef, claimants []claimant) []Fault {
	if len(claimants) == 0 || !m.s.Deployments().Covers("") || !m.s.DaemonSets().Covers("") && !m.s.Pods().Covers("") ||
		slices.ContainsFunc(claimants, func(c claimant) bool { return !c.known || slices.Contains(c.classes, class) }) {
		return nil
	}
	var taken []string
	for _, c := range claimants {
		taken = append(taken, slices.DeleteFunc(slices.Clone(c.classes), func(s string) bool { return s == "" })...)
	}
	asks := "names no class"
	if class != "" {
		asks = "asks for the class " + class
	}
	f := Fault{Kind: ClassMissing, Object: at, Why: fmt.Sprintf("%s %s, and %s takes %s alone, so no controller serves it", at.Ref, asks, claimants[0].by, list(taken))}
	if class != "" && len(taken) == 1 {
		f.Wanted = quote(taken[0])
	}
	return []Fault{f}
}
