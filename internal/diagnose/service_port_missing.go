package diagnose

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func servicePortMissing() Analyzer {
	return Analyzer{
		Cause:  "service-port-missing",
		Doc:    "Finds routes to a port number or name that their Service does not have.",
		Inputs: []snapshot.Kind{snapshot.Ingresses, snapshot.HTTPRoutes, snapshot.Services},
		run: func(v *view) []finding {
			var out []finding
			for r, l := range v.legsWith() {
				if l.Presence == snapshot.Present && (l.Port == nil || r.neverFound(l)) && l.Service.Spec.Type != corev1.ServiceTypeExternalName && (l.Backend.Port() != "" || r.Gateway.IsZero()) && !v.onlyRest(r.Route) {
					out = append(out, missingPort(r, l))
				}
			}
			return out
		},
	}
}

func missingPort(r *route, l path.Leg) finding {
	ref := serviceRef(l)
	var have []string
	for _, p := range l.Service.Spec.Ports {
		have = append(have, portText(p))
	}
	if len(have) == 0 {
		have = []string{"no port"}
	}
	asks := "asks for port " + l.Backend.Port()
	if l.Backend.Port() == "" {
		asks = "names no port"
	}
	f := find("service-port-missing", proven, l.Backend.PortAt(r.Object),
		fmt.Sprintf("%s %s of %s, which has %s", r.Object, asks, ref, strings.Join(have, ", "))).
		on(r).as(model.NoEndpoints, model.NoRoute).relates("service", ref).
		because("object", fmt.Sprintf("%s has %s", ref, strings.Join(have, ", ")), ref, time.Time{})
	if l.Port != nil {
		f.Confidence = likely
		f = f.because("proxy-log", fmt.Sprintf("the gateway knows no endpoint for it, though it may take %s for the target port of %s", l.Backend.Port(), portText(*l.Port)), r.Object, time.Time{})
	}
	p, why, ok := meantPort(l)
	if !ok {
		return f
	}
	f = f.because("model", why, ref, time.Time{})
	if l.Backend.PortName != "" && p.Name != "" {
		return f.wants(text(p.Name))
	}
	if l.Backend.PortName != "" {
		f.Object.Field = strings.TrimSuffix(f.Object.Field, ".name")
		return f.wants(fmt.Sprintf(`{"number":%d}`, p.Port))
	}
	return f.wants(fmt.Sprint(p.Port))
}

// neverFound reports whether a gateway knows no endpoint for a backend whose port it may have found by what the API does not give
// ports for, and has not served it as long as requests are known: not every build of it finds them so.
func (r *route) neverFound(l path.Leg) bool {
	return l.Lenient && len(r.succeeded) == 0 && len(r.hits(model.NoEndpoints)) > 0
}

func portText(p corev1.ServicePort) string {
	if p.Name == "" {
		return fmt.Sprintf("port %d", p.Port)
	}
	return fmt.Sprintf("port %d (%s)", p.Port, p.Name)
}

// meantPort says which port of the Service was probably meant.
func meantPort(l path.Leg) (p corev1.ServicePort, why string, ok bool) {
	ports := l.Service.Spec.Ports
	if len(ports) == 1 {
		return ports[0], "it is the Service's only port", true
	}
	for _, p := range ports {
		if l.Backend.PortName == "" && (p.TargetPort.IntVal == l.Backend.PortNumber && l.Backend.PortNumber != 0 || p.NodePort == l.Backend.PortNumber && p.NodePort != 0) {
			return p, fmt.Sprintf("%d is where port %d of the Service leads", l.Backend.PortNumber, p.Port), true
		}
		if l.Backend.PortName != "" && (alike(p.Name, l.Backend.PortName) || p.TargetPort.StrVal == l.Backend.PortName) {
			return p, fmt.Sprintf("%s is nearly %s", p.Name, l.Backend.PortName), true
		}
	}
	return corev1.ServicePort{}, "", false
}
