package path

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy/image"
	"github.com/gatemend/gatemend/internal/proxy/traefik"
)

// selection is by which classes the controller in a pod chooses objects of its product's own kinds.
type selection struct {
	classes []string // "" stands for objects that name none
	known   bool     // false where it may be told so elsewhere
}

// contourSelection: without --ingress-class-name Contour takes what names no class or "contour", with it what names one of
// that list alone (projectcontour/contour, internal/ingressclass). A ContourConfiguration would say it elsewhere. ok is
// false for pods that do not run it.
func contourSelection(p *corev1.Pod) (s selection, ok bool) {
	ok = slices.ContainsFunc(p.Spec.Containers, func(c corev1.Container) bool {
		return image.Is(c.Image, "projectcontour/contour", "contour") && slices.Contains(slices.Concat(c.Command, c.Args), "serve")
	})
	if class := flag(p, "ingress-class-name"); class != "" {
		return selection{strings.Split(class, ","), true}, ok
	}
	return selection{[]string{"", "contour"}, flag(p, "contour-config-name") == ""}, ok
}

// traefikSelection: with an ingressClass Traefik's provider of custom resources takes what has just that in its annotation
// (Traefik's reference, "Kubernetes CRD", ingressClass). Without the flag a file or a variable may say it.
func traefikSelection(p *corev1.Pod) (s selection, ok bool) {
	px, _ := runsOf(p)
	class := flag(p, "providers.kubernetescrd.ingressclass")
	return selection{[]string{class}, class != ""}, px == traefik.Name
}

// unclaimed is the fault of an object of a controller's own kind that names a class, at a field, that no controller
// takes. Nothing is said where one may be told of its classes elsewhere, or may run where it was not looked for.
func (m *Map) unclaimed(class string, at model.FieldRef, chooses func(*corev1.Pod) (selection, bool)) []Fault {
	var by model.Ref
	var taken []string
	for _, f := range m.fleets {
		c, ok := chooses(f.Pod)
		if !ok {
			continue
		}
		if !c.known || slices.Contains(c.classes, class) {
			return nil
		}
		by, taken = f.Object, append(taken, slices.DeleteFunc(c.classes, func(s string) bool { return s == "" })...)
	}
	if by.IsZero() || !m.s.Deployments().Covers("") {
		return nil
	}
	asks := "names no class"
	if class != "" {
		asks = "asks for the class " + class
	}
	f := Fault{Kind: ClassMissing, Object: at, Why: fmt.Sprintf("%s %s, and %s takes %s alone, so no controller serves it", at.Ref, asks, by, list(taken))}
	if len(taken) == 1 {
		f.Wanted = quote(taken[0])
	}
	return []Fault{f}
}
