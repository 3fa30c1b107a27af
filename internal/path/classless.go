package path

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/proxy/envoy"
	"github.com/gatemend/gatemend/internal/proxy/haproxy"
	"github.com/gatemend/gatemend/internal/proxy/nginx"
	"github.com/gatemend/gatemend/internal/proxy/traefik"
)

// taker is who takes Ingresses that name no class, though no class is the default one.
type taker struct{ controller, proxy string }

// classless finds the one controller that takes Ingresses without a class, as the arguments of its pods say. It is none where
// several do, as no rule tells whose answer a client gets, and where arguments do not say it: a file or a variable may.
func (m *Map) classless() (taker, bool) {
	var found []taker
	for _, f := range m.fleets {
		if t, ok := takesClassless(f); ok && !slices.Contains(found, t) {
			found = append(found, t)
		}
	}
	if len(found) != 1 {
		return taker{}, false
	}
	return found[0], true
}

// takesClassless reports whether a controller takes Ingresses without a class, each by its own source:
//
//   - kubernetes/ingress-nginx (internal/ingress/controller/store, GetIngressClass) and jcmoraisjr/haproxy-ingress
//     (pkg/controller/services/cache.go, IsValidIngress) where --watch-ingress-without-class says so;
//   - haproxytech/kubernetes-ingress (pkg/ingress/ingress.go, Supported) without a class of its own, else with
//     --empty-ingress-class;
//   - Traefik's provider of Ingresses (pkg/provider/kubernetes/ingress, shouldProcessIngress) and Contour
//     (internal/ingressclass, MatchesIngress) without a class of their own.
//
// Kong's and F5's take none.
func takesClassless(f Fleet) (taker, bool) {
	switch {
	case f.product == "ingress-nginx":
		return taker{"k8s.io/ingress-nginx", nginx.Name}, switched(f.Pod, "watch-ingress-without-class")
	case f.product == "haproxy-ingress":
		return taker{"haproxy-ingress.github.io/controller", haproxy.Name}, switched(f.Pod, "watch-ingress-without-class")
	case f.product == "haproxytech":
		own := len(words(f.Pod)) > 0 && flag(f.Pod, "ingress.class") == ""
		return taker{"haproxy.org/ingress-controller", haproxy.Name}, own || switched(f.Pod, "empty-ingress-class")
	case f.Proxy == traefik.Name:
		return taker{"traefik.io/ingress-controller", traefik.Name}, traefikTakesClassless(f.Pod)
	case f.product == "contour" && slices.Contains(words(f.Pod), "serve"):
		return taker{"projectcontour.io/ingress-controller", envoy.Name}, flag(f.Pod, "ingress-class-name") == "" && flag(f.Pod, "contour-config-name") == ""
	default:
		return taker{}, false
	}
}

// traefikTakesClassless reports whether Traefik's arguments turn its provider of Ingresses on, without a class or labels that an
// Ingress must have.
func traefikTakesClassless(p *corev1.Pod) bool {
	on := false
	for _, w := range words(p) {
		option, ok := strings.CutPrefix(strings.ToLower(w), "--providers.kubernetesingress")
		switch name, value, _ := strings.Cut(option, "="); {
		case !ok || name != "" && name[0] != '.': // or that for annotations of ingress-nginx
		case name == ".ingressclass" || name == ".labelselector" || name == "" && value == "false":
			return false
		default:
			on = true
		}
	}
	return on
}

// switched reports whether an argument of a pod turns something on, by its name alone or with "true".
func switched(p *corev1.Pod, name string) bool {
	return slices.ContainsFunc(words(p), func(w string) bool {
		given, value, whole := strings.Cut(strings.TrimLeft(w, "-"), "=")
		return strings.HasPrefix(w, "-") && given == name && (!whole || value == "true")
	})
}

// words are the command and arguments of a pod's containers.
func words(p *corev1.Pod) []string {
	var out []string
	for i := range p.Spec.Containers {
		out = append(slices.Concat(out, p.Spec.Containers[i].Command), p.Spec.Containers[i].Args...)
	}
	return out
}
