package path

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/all"
	"github.com/gatemend/gatemend/internal/snapshot"
)

const (
	classAnnotation   = "kubernetes.io/ingress.class"
	defaultAnnotation = "ingressclass.kubernetes.io/is-default-class"
)

func (m *Map) ingressRoutes() []Route {
	var out []Route
	for ing := range m.s.Ingresses().All() {
		base := Route{Object: snapshot.RefOf(ing), Created: ing.CreationTimestamp.Time}
		m.classify(ing, &base)
		if px, ok := all.Named(base.Proxy); ok && px.IngressSettings != nil {
			base.Settings = px.IngressSettings(base.Controller, ing)
		}
		if idleCanary(base.Settings) {
			continue
		}
		if b := ing.Spec.DefaultBackend; b != nil {
			r := base
			r.Rule, r.Path, r.PathType = defaultRule, "/", Prefix
			r.Backends = []Backend{ingressBackend(ing, *b, defaultRule)}
			if act(ing, &r, *b) {
				out = append(out, r)
			}
		}
		for i := range ing.Spec.Rules {
			out = append(out, ingressPaths(ing, i, base)...)
		}
	}
	m.ingressPatterns(out)
	m.confine(out)
	return out
}

// ingressPaths makes a Route of each path of a rule.
func ingressPaths(ing *networkingv1.Ingress, i int, base Route) []Route {
	rule := ing.Spec.Rules[i]
	if rule.HTTP == nil {
		return nil
	}
	var out []Route
	for j, p := range rule.HTTP.Paths {
		r := base
		r.Rule = fmt.Sprintf("spec.rules[%d].http.paths[%d]", i, j)
		r.seq = i<<16 | j
		r.Host, r.Path, r.PathType = strings.ToLower(rule.Host), cmp.Or(p.Path, "/"), ImplementationSpecific
		if p.PathType != nil {
			r.PathType = Comparison(*p.PathType)
		}
		r.Backends = []Backend{ingressBackend(ing, p.Backend, r.Rule+".backend")}
		if act(ing, &r, p.Backend) {
			out = append(out, r)
		}
	}
	return out
}

// idleCanary reports whether an Ingress is a canary that takes no request: without a weight and
// without a header or cookie that would send one to it.
func idleCanary(s proxy.Settings) bool {
	if !s.Yes(proxy.Canary) {
		return false
	}
	weight, _ := s.Get(proxy.CanaryWeight)
	return weight.Size == 0 && !s.Yes(proxy.CanaryHeader) && !s.Yes(proxy.CanaryCookie)
}

// ingressPatterns asks each controller how it compares the paths of each host.
func (m *Map) ingressPatterns(routes []Route) {
	type site struct{ proxy, controller, host string }
	var order []site
	at := map[site][]int{}
	for i := range routes {
		r := &routes[i]
		k := site{r.Proxy, r.Controller, r.Host}
		if at[k] == nil {
			order = append(order, k)
		}
		at[k] = append(at[k], i)
	}
	for _, k := range order {
		slices.SortStableFunc(at[k], func(i, j int) int {
			return cmp.Or(routes[i].Created.Compare(routes[j].Created), routes[i].Object.Compare(routes[j].Object))
		})
		px, _ := all.Named(k.proxy)
		rules := make([]proxy.PathRule, len(at[k]))
		for j, i := range at[k] {
			rules[j] = proxy.PathRule{Host: routes[i].Host, Path: routes[i].Path, Type: string(routes[i].PathType), Settings: routes[i].Settings}
		}
		patterns := plain(rules)
		if px.Patterns != nil {
			patterns = px.Patterns(k.controller, rules)
		}
		for j, i := range at[k] {
			routes[i].Pattern = patterns[j]
		}
	}
}

// plain is for controllers that nobody knows: an ImplementationSpecific path is an expression if it
// looks like one.
func plain(rules []proxy.PathRule) []proxy.Pattern {
	out := make([]proxy.Pattern, len(rules))
	for i, r := range rules {
		out[i] = proxy.PlainPattern(r, proxy.Leading)
		if r.Type == string(ImplementationSpecific) && strings.ContainsAny(r.Path, `(*[$^+|\`) {
			out[i].How = proxy.Opens
		}
	}
	return out
}

func ingressBackend(ing *networkingv1.Ingress, b networkingv1.IngressBackend, field string) Backend {
	if b.Service == nil {
		out := Backend{Field: field + ".resource", PortField: field + ".resource", Weight: 1}
		if b.Resource != nil {
			out.Service = model.Ref{Kind: b.Resource.Kind, Namespace: ing.Namespace, Name: b.Resource.Name}
		}
		return out
	}
	out := Backend{
		Service:    model.Ref{APIVersion: "v1", Kind: "Service", Namespace: ing.Namespace, Name: b.Service.Name},
		Field:      field + ".service",
		PortField:  field + ".service.port.number",
		PortNumber: b.Service.Port.Number,
		PortName:   b.Service.Port.Name,
		Weight:     1,
	}
	if out.PortName != "" {
		out.PortField = field + ".service.port.name"
	}
	return out
}

// classify finds the class of an Ingress and who runs it. Without a class of its own an Ingress
// belongs to the default class.
func (m *Map) classify(ing *networkingv1.Ingress, r *Route) {
	field := "spec.ingressClassName"
	if ing.Spec.IngressClassName != nil {
		r.Class = *ing.Spec.IngressClassName
	} else if c := ing.Annotations[classAnnotation]; c != "" {
		r.Class, field = c, "metadata.annotations['"+classAnnotation+"']"
	}
	at := model.FieldRef{Ref: r.Object, Field: field}
	if r.Class == "" {
		m.defaultClass(r, at)
		return
	}
	class, presence := m.s.IngressClasses().Get("", r.Class)
	if off := m.ciliumOff(r.Class); off != "" && (presence != snapshot.Present || class.Spec.Controller == ciliumIngresses) {
		r.Faults = append(r.Faults, Fault{Kind: ClassMissing, Object: at, Why: fmt.Sprintf("%s is of class %s, and Cilium's controller of Ingresses is switched off (%s), so no controller serves it", r.Object, r.Class, off)})
		return
	}
	switch presence {
	case snapshot.Present:
		r.Controller = class.Spec.Controller
		r.Proxy = m.controllerProxy(r.Controller)
	case snapshot.Absent:
		r.Proxy = m.controllerProxy(r.Class)
		if px, _ := all.Named(r.Proxy); field != "spec.ingressClassName" && (m.runs(r.Proxy) && m.mayTake(ing, *r) || px.Outside) {
			return // the annotation is older than IngressClass objects: controllers take their own name without one
		}
		r.Proxy = ""
		f := Fault{Kind: ClassMissing, Object: at, Why: fmt.Sprintf("IngressClass %s does not exist, so no controller serves %s", r.Class, r.Object)}
		if only := m.classes(); len(only) == 1 {
			f.Wanted = quote(only[0])
			f.Why += "; the only class is " + only[0]
		} else if len(only) > 1 {
			f.Why += "; there are " + list(only)
		}
		r.Faults = append(r.Faults, f)
	default:
		r.Proxy = m.controllerProxy(r.Class)
		r.Faults = append(r.Faults, Fault{Kind: GatewayUnknown, Object: at, Why: "it could not be looked at"})
	}
}

// Cilium's controller of Ingresses takes those of one class, by its name (cilium/cilium, operator/pkg/ingress).
const (
	ciliumClass     = "cilium"
	ciliumIngresses = "cilium.io/ingress-controller"
	ciliumConfig    = "cilium-config"
)

// ciliumOff says where Cilium's controller of Ingresses is switched off, for its class; empty if that is not known.
func (m *Map) ciliumOff(class string) string {
	if class != ciliumClass {
		return ""
	}
	const key = "enable-ingress-controller"
	for c := range m.s.ConfigMaps().Named(ciliumConfig) {
		if c.Data[key] == "false" {
			return fmt.Sprintf("%s of %s is false", key, snapshot.RefOf(c))
		}
	}
	return ""
}

// mayTake reports whether a controller that runs may serve an Ingress for the class that its annotation names: one has
// published an address, or one that takes that class, or any.
func (m *Map) mayTake(ing *networkingv1.Ingress, r Route) bool {
	if len(ing.Status.LoadBalancer.Ingress) > 0 {
		return true
	}
	return slices.ContainsFunc(m.gates, func(g gate) bool {
		if g.proxy != r.Proxy {
			return false
		}
		taken := annotatedClass(g.pod)
		return taken == "" || taken == r.Class
	})
}

func (m *Map) defaultClass(r *Route, at model.FieldRef) {
	for class := range m.s.IngressClasses().All() {
		if class.Annotations[defaultAnnotation] == "true" {
			r.Class, r.Controller = class.Name, class.Spec.Controller
			r.Proxy = m.controllerProxy(r.Controller)
			return
		}
	}
	ing, ok := m.s.Ingresses().Get(r.Object.Namespace, r.Object.Name)
	if _, annotated := ing.GetAnnotations()[classAnnotation]; ok == snapshot.Present && !annotated { // an empty one is none of theirs
		if t, takes := m.classless(); takes {
			r.Controller, r.Proxy = t.controller, t.proxy
			return
		}
	}
	if ok == snapshot.Present && len(ing.Status.LoadBalancer.Ingress) > 0 {
		// Some controllers take Ingresses without a class; that this one has an address says that one did.
		if only := m.classes(); len(only) == 1 {
			r.Class = only[0]
			if class, ok := m.s.IngressClasses().Get("", r.Class); ok == snapshot.Present {
				r.Controller, r.Proxy = class.Spec.Controller, m.controllerProxy(class.Spec.Controller)
			}
		}
		return
	}
	if !m.s.IngressClasses().Covers("") {
		r.Faults = append(r.Faults, Fault{Kind: GatewayUnknown, Object: at, Why: "the Ingress names no class, and the IngressClasses could not be looked at"})
		return
	}
	f := Fault{Kind: ClassMissing, Object: at, Why: fmt.Sprintf("%s names no class and no IngressClass is the default one, so no controller serves it", r.Object)}
	if only := m.classes(); len(only) == 1 {
		f.Wanted = quote(only[0])
	}
	r.Faults = append(r.Faults, f)
}

// classes names the IngressClasses, in order.
func (m *Map) classes() []string {
	var names []string
	for class := range m.s.IngressClasses().All() {
		names = append(names, class.Name)
	}
	slices.Sort(names)
	return names
}

// quote is a string as JSON.
func quote(s string) string {
	data, err := json.Marshal(s)
	if err != nil {
		return ""
	}
	return string(data)
}

// list joins names as people write them, and cuts a long list.
func list(names []string) string {
	const most = 4
	switch {
	case len(names) == 0:
		return "none"
	case len(names) == 1:
		return names[0]
	case len(names) > most:
		return fmt.Sprintf("%s and %d more", joined(names[:most]), len(names)-most)
	default:
		return joined(names[:len(names)-1]) + " and " + names[len(names)-1]
	}
}

func joined(names []string) string {
	out := ""
	for i, n := range names {
		if i > 0 {
			out += ", "
		}
		out += n
	}
	return out
}
