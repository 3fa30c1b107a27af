package path

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

// Comparison says how a rule's path is compared with a request's, as its author wrote it. What the
// proxy makes of it is Route.Pattern.
type Comparison string

// The ways to compare.
const (
	Exact  Comparison = "Exact"
	Prefix Comparison = "Prefix" // element by element: /a matches /a and /a/b, not /ab
	// ImplementationSpecific is what the proxy makes of it: a plain string prefix, or a regular
	// expression where the path is one.
	ImplementationSpecific Comparison = "ImplementationSpecific"
	RegularExpression      Comparison = "RegularExpression"
)

// Route is one rule's way to its backends. A rule with several hosts or matches is several Routes.
type Route struct {
	Object   model.Ref // the Ingress, HTTPRoute, GRPCRoute, HTTPProxy, IngressRoute, VirtualServer, VirtualServerRoute, VirtualService or Service
	Rule     string    // field path in Object: spec.rules[0].http.paths[1], spec.rules[0], spec.defaultBackend
	Host     string    // empty: any; may start with "*."
	Path     string    // starts with a slash
	PathType Comparison
	// Pattern is how the proxy compares the path.
	Pattern proxy.Pattern
	// Method, Headers and Queries are further conditions of the match.
	Method  string
	Headers []Condition
	Queries []Condition
	// Class names the IngressClass or GatewayClass, Controller what its object says runs it, and
	// Proxy the engine; each is empty where it is not known.
	Class      string
	Controller string
	Proxy      string
	Gateway    model.Ref // the Gateway that a route attaches to; zero for an Ingress
	Listener   string    // name of the first listener, empty for an Ingress
	// Listeners are all that take the route for its host; none means any port.
	Listeners []Listener
	Backends  []Backend
	// From are the pods that send the request where a workload calls another one, not a gateway.
	From []*corev1.Pod
	// Fixed is the status that the rule itself answers (a redirect); 0 if it forwards.
	Fixed int
	// Settings are what the object tells the proxy about the route: annotations, filters, timeouts.
	// [Leg].Settings holds what is in force for one backend.
	Settings proxy.Settings
	Created  time.Time // of Object: the older of two equal routes wins
	// Faults are reasons why no proxy serves the rule as written.
	Faults []Fault

	root   model.Ref      // the VirtualServer that has the host, or leaves a path of it to Object
	asked  model.Ref      // what the parentRef names: Gateway, or a ListenerSet of it
	seq    int            // place of the rule in its object, and of the match in the rule
	match  string         // text of an IngressRoute's rule
	expr   *regexp.Regexp // of Pattern, if it is one
	places bool           // of equal routes the place of the rule in its object decides before age
	broken bool           // Pattern is an expression that cannot be read: it matches nothing
}

// Listener is a port of a Gateway that takes a route.
type Listener struct {
	Name     string
	Port     int32
	Protocol string // HTTP, HTTPS, TLS
	Hostname string
	At       string // field path in the Gateway: spec.listeners[0]
	// Passthrough is set where TLS is not ended here.
	Passthrough bool
	// Down says why the listener does not work by the word of its controller, and DownAt where; empty
	// while nothing is said against it.
	Down, DownAt string
}

// Backend is one backend reference of a rule.
type Backend struct {
	Service   model.Ref // of another kind than Service where the reference is to something else
	Field     string    // field path of the reference in the route
	NameField string    // field path of the Service's name in the route, if that is not Field's name
	PortField string    // field path of the port in the route
	// By is the field that names it where that is of another object, to which the route's field leads.
	By         model.FieldRef
	PortNumber int32 // 0 if the port is named by PortName
	PortName   string
	Weight     int32   // share of requests; an Ingress has one backend of weight 1
	Subset     *Subset // of the Service's pods to which requests go; nil: all of them
	// Settings hold for this backend alone.
	Settings proxy.Settings
}

// Subset is a part of a Service's pods, as Istio's DestinationRules name them.
type Subset struct {
	Name   string
	Field  string // field path in the route that names it
	Labels map[string]string
	// LabelsAt is where they are defined.
	LabelsAt model.FieldRef
	// Missing is set where no DestinationRule of the host defines it: the proxy then has nowhere to send to.
	Missing bool
}

// NameAt is the field of a route, or of the object to which it leads, in which a backend's Service is named.
func (b Backend) NameAt(route model.Ref) model.FieldRef {
	if b.By.IsZero() {
		return model.FieldRef{Ref: route, Field: cmp.Or(b.NameField, b.Field+".name")}
	}
	return model.FieldRef{Ref: b.By.Ref, Field: b.By.Field + ".name"}
}

// PortAt is such a field for the port.
func (b Backend) PortAt(route model.Ref) model.FieldRef {
	if b.By.IsZero() {
		return model.FieldRef{Ref: route, Field: b.PortField}
	}
	return model.FieldRef{Ref: b.By.Ref, Field: b.By.Field + ".port"}
}

// Port is the port as the route writes it.
func (b Backend) Port() string {
	if b.PortName != "" {
		return b.PortName
	}
	if b.PortNumber == 0 {
		return ""
	}
	return strconv.Itoa(int(b.PortNumber))
}

// FaultKind says why a rule is not served.
type FaultKind string

// The kinds of faults.
const (
	ClassMissing       FaultKind = "class-missing"       // the Ingress's class does not exist, or nothing claims it
	GatewayMissing     FaultKind = "gateway-missing"     // parentRef to a Gateway that does not exist
	ListenerUnattached FaultKind = "listener-unattached" // no listener takes the route
	NotProgrammed      FaultKind = "not-programmed"      // the Gateway itself is not accepted or programmed
	GrantMissing       FaultKind = "grant-missing"       // a cross-namespace backend without a ReferenceGrant
	RouteMissing       FaultKind = "route-missing"       // the object to which it is left does not exist, or does not take it
	BackendInvalid     FaultKind = "backend-invalid"     // a backend of a kind, or without a port, that cannot be used
	RouteConflict      FaultKind = "route-conflict"      // an older rule has one of the rule's matches, and the rule is dropped for it
	HostTaken          FaultKind = "host-taken"          // another object owns the host
	Refused            FaultKind = "refused"             // the controller says that it does not serve the object
	CannotKnow         FaultKind = "cannot-know"         // something that decides it could not be read
	GatewayUnknown     FaultKind = "gateway-unknown"     // the Gateway or class could not be read
)

// Unknown reports whether a fault is no more than that something could not be read.
func (k FaultKind) Unknown() bool { return k == CannotKnow || k == GatewayUnknown }

// Fault is one reason why a rule is not served as written.
type Fault struct {
	Kind   FaultKind
	Object model.FieldRef // where it would be mended
	Why    string
	Wanted string    // the value that would mend it, as JSON, where one is known
	Since  time.Time // when a controller said so; zero where it is not by its word
	// Backend is the field of the only backend that it concerns; empty for the whole rule.
	Backend string
}

// String reads "shop.example.com/cart", with an asterisk for any host.
func (r Route) String() string {
	host := r.Host
	if host == "" {
		host = "*"
	}
	return host + r.Path
}

// Request is a request that the rule matches, as far as one can be made up.
func (r Route) Request() model.Request {
	req := model.Request{Method: r.Method, Host: r.Host, Path: r.Path}
	if rest, ok := strings.CutPrefix(req.Host, "*."); ok {
		req.Host = "any." + rest
	}
	for _, h := range r.Headers {
		if v, ok := h.example(); ok && !strings.HasPrefix(h.Name, ":") {
			if req.Headers == nil {
				req.Headers = map[string]string{}
			}
			req.Headers[h.Name] = v
		}
	}
	return req
}

// Served reports whether nothing is known that keeps the rule from being served.
func (r Route) Served() bool { return len(r.Faults) == 0 }

// compile makes the pattern's expression, once.
func (r *Route) compile() {
	text := r.Pattern.Text
	switch r.Pattern.How {
	case proxy.Matches:
		text = "^(?:" + text + ")$"
	case proxy.Opens:
		text = "^(?:" + text + ")"
	case proxy.OpensFold:
		text = "(?i)^(?:" + text + ")"
	case proxy.Within:
	default:
		return
	}
	var err error
	r.expr, err = regexp.Compile(text)
	r.broken = err != nil
}
