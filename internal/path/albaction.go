package path

import (
	"encoding/json"
	"strconv"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

// AWS's controller takes a backend whose port has this name for no Service: what is to be done is written in an annotation
// with the name of that backend (kubernetes-sigs/aws-load-balancer-controller, docs, Ingress annotations: actions).
const (
	useAnnotation = "use-annotation"
	albActions    = "alb.ingress.kubernetes.io/actions."
)

// albAction is such an annotation. Its keys are written in lower or upper case.
type albAction struct {
	Type           string
	RedirectConfig struct{ Protocol, Port, Host, Path, Query, StatusCode string }
	// FixedResponseConfig is answered by the load balancer itself.
	FixedResponseConfig struct{ StatusCode string }
	ForwardConfig       struct {
		TargetGroups []struct {
			ServiceName string
			ServicePort intstr.IntOrString
			Weight      *int32
		}
	}
}

// act puts into a rule what the annotation says that its backend names. It reports whether the rule is one: a redirect
// to HTTPS of all else as it is leads to the rules after it, as the controller leaves it out where requests came by HTTPS.
func act(ing *networkingv1.Ingress, r *Route, b networkingv1.IngressBackend) bool {
	if r.Proxy != "aws-alb" || b.Service == nil || b.Service.Port.Name != useAnnotation {
		return true
	}
	name := albActions + b.Service.Name
	var a albAction
	if json.Unmarshal([]byte(ing.Annotations[name]), &a) != nil || a.Type == "" {
		return true // it is missing, or cannot be read: the backend is none
	}
	field := "metadata.annotations['" + name + "']"
	switch a.Type {
	case "redirect":
		c := a.RedirectConfig
		if strings.EqualFold(c.Protocol, "HTTPS") && kept(c.Host, "#{host}") && kept(c.Path, "/#{path}") {
			return false
		}
		r.Fixed = albStatus(c.StatusCode)
		r.Settings = append(r.Settings[:len(r.Settings):len(r.Settings)], proxy.Setting{Knob: proxy.Redirect, Value: c.Host + c.Path, Size: int64(r.Fixed), Yes: true,
			At: model.FieldRef{Ref: r.Object, Field: field}})
	case "fixed-response":
		r.Fixed = albStatus(a.FixedResponseConfig.StatusCode)
	default:
		r.Backends = albTargets(ing, a, field)
		if len(r.Backends) == 0 {
			r.Faults = append(r.Faults, Fault{Kind: CannotKnow, Object: model.FieldRef{Ref: r.Object, Field: field}, Why: "it names target groups that are no objects of the cluster"})
		}
	}
	return true
}

// albTargets are the Services among the target groups to which an annotation forwards.
func albTargets(ing *networkingv1.Ingress, a albAction, field string) []Backend {
	var out []Backend
	for _, g := range a.ForwardConfig.TargetGroups {
		if g.ServiceName == "" {
			continue
		}
		b := Backend{
			Service: model.Ref{APIVersion: "v1", Kind: "Service", Namespace: ing.Namespace, Name: g.ServiceName},
			Field:   field, PortField: field, Weight: 1,
		}
		if n, err := strconv.ParseInt(g.ServicePort.String(), 10, 32); err == nil {
			b.PortNumber = int32(n)
		} else {
			b.PortName = g.ServicePort.String()
		}
		if g.Weight != nil {
			b.Weight = *g.Weight
		}
		out = append(out, b)
	}
	return out
}

// kept reports whether a part of a redirect's address is that of the request: not written, or by its placeholder.
func kept(value, placeholder string) bool { return value == "" || value == placeholder }

// albStatus reads a status as a redirect has it, HTTP_301, or a fixed response, 503.
func albStatus(s string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(s, "HTTP_"))
	if err != nil {
		return 301 // it must be written, so that this is one that the controller refuses
	}
	return n
}
