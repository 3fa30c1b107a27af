package gateway

import (
	"cmp"
	"net"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

// Objects are what a table is made from: everything of these kinds in the cluster.
type Objects struct {
	Ingresses []*networkingv1.Ingress
	Services  []*corev1.Service
	Slices    []*discoveryv1.EndpointSlice
}

// Table is what a gateway must serve. Hosts, rules and backends are sorted.
type Table struct {
	Hosts    []Host
	Backends []Backend
}

// Host is a virtual host; an empty name takes every host that no other names.
type Host struct {
	Name  string
	Rules []Rule // the most specific first
}

// Rule sends a path to a backend.
type Rule struct {
	Path        string
	Type        networkingv1.PathType
	Backend     BackendKey
	Namespace   string            // of the Ingress
	Ingress     string            // its name
	Created     time.Time         // when it was made
	Place       int               // of the rule in it
	Annotations map[string]string // its annotations, for the proxy to interpret; not to be changed
}

// BackendKey names a backend as the Ingress writes it.
type BackendKey struct {
	Namespace string
	Service   string
	Port      string // the number or the name, whichever the Ingress has
}

// State says how far a backend could be resolved.
type State string

// States of a backend.
const (
	Found          State = "Found"          // Service and port exist; there may still be no endpoint
	ServiceMissing State = "ServiceMissing" // no such Service
	PortMissing    State = "PortMissing"    // the Service does not have the port
)

// Backend is a Service port with its ready endpoints.
type Backend struct {
	Key       BackendKey
	State     State
	PortName  string   // the Service port's name, or its number when it has none
	Endpoints []string // address:port, sorted, without repeats
}

// Read makes the table for the Ingresses of one class.
func Read(class string, o Objects) Table {
	hosts := map[string][]Rule{}
	keys := map[BackendKey]bool{}
	for _, ing := range o.Ingresses {
		if ing.Spec.IngressClassName == nil || *ing.Spec.IngressClassName != class {
			continue
		}
		place := 0
		for _, spec := range ing.Spec.Rules {
			for _, r := range rules(ing, spec) {
				r.Place = place
				place++
				hosts[spec.Host] = append(hosts[spec.Host], r)
				keys[r.Backend] = true
			}
		}
	}
	var t Table
	for name, rules := range hosts {
		slices.SortFunc(rules, compareRules)
		// Of two Ingresses with the same path the older wins, then the first by name; one location is all a proxy can have.
		rules = slices.CompactFunc(rules, func(a, b Rule) bool { return a.Path == b.Path && a.Type == b.Type })
		t.Hosts = append(t.Hosts, Host{Name: name, Rules: rules})
	}
	slices.SortFunc(t.Hosts, func(a, b Host) int { return cmp.Compare(a.Name, b.Name) })
	for key := range keys {
		t.Backends = append(t.Backends, resolve(key, o))
	}
	slices.SortFunc(t.Backends, func(a, b Backend) int { return compareKeys(a.Key, b.Key) })
	return t
}

// Backend finds the backend of a rule.
func (t Table) Backend(key BackendKey) Backend {
	i := slices.IndexFunc(t.Backends, func(b Backend) bool { return b.Key == key })
	if i < 0 {
		return Backend{Key: key, State: ServiceMissing}
	}
	return t.Backends[i]
}

func rules(ing *networkingv1.Ingress, spec networkingv1.IngressRule) []Rule {
	if spec.HTTP == nil {
		return nil
	}
	var out []Rule
	for _, p := range spec.HTTP.Paths {
		if p.Backend.Service != nil { // else a resource backend: neither proxy of the lab has any
			out = append(out, rule(ing, p))
		}
	}
	return out
}

func rule(ing *networkingv1.Ingress, p networkingv1.HTTPIngressPath) Rule {
	r := Rule{
		Path: p.Path, Type: networkingv1.PathTypeImplementationSpecific,
		Namespace: ing.Namespace, Ingress: ing.Name, Created: ing.CreationTimestamp.Time, Annotations: ing.Annotations,
		Backend: BackendKey{Namespace: ing.Namespace, Service: p.Backend.Service.Name, Port: p.Backend.Service.Port.Name},
	}
	if r.Path == "" {
		r.Path = "/"
	}
	if p.PathType != nil {
		r.Type = *p.PathType
	}
	if r.Backend.Port == "" {
		r.Backend.Port = strconv.Itoa(int(p.Backend.Service.Port.Number))
	}
	return r
}

// compareRules puts exact paths before prefixes and longer before shorter ones.
func compareRules(a, b Rule) int {
	exact := func(r Rule) int {
		if r.Type == networkingv1.PathTypeExact {
			return 0
		}
		return 1
	}
	return cmp.Or(exact(a)-exact(b), len(b.Path)-len(a.Path), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Type, b.Type),
		a.Created.Compare(b.Created), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Ingress, b.Ingress), a.Place-b.Place, compareKeys(a.Backend, b.Backend))
}

func compareKeys(a, b BackendKey) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Port, b.Port))
}

func resolve(key BackendKey, o Objects) Backend {
	b := Backend{Key: key, State: ServiceMissing, PortName: key.Port}
	i := slices.IndexFunc(o.Services, func(s *corev1.Service) bool {
		return s.Namespace == key.Namespace && s.Name == key.Service
	})
	if i < 0 {
		return b
	}
	b.State = PortMissing
	for _, port := range o.Services[i].Spec.Ports {
		if port.Name != key.Port && strconv.Itoa(int(port.Port)) != key.Port {
			continue
		}
		b.State = Found
		b.PortName = cmp.Or(port.Name, strconv.Itoa(int(port.Port)))
		b.Endpoints = endpoints(key, port.Name, o.Slices)
		break
	}
	return b
}

// endpoints lists the ready addresses of a Service port. A slice's port carries the Service port's name,
// and no number where a named target port is not declared by the pods: such a slice leads nowhere.
func endpoints(key BackendKey, portName string, all []*discoveryv1.EndpointSlice) []string {
	var out []string
	for _, s := range all {
		if s.Namespace != key.Namespace || s.Labels[discoveryv1.LabelServiceName] != key.Service ||
			s.AddressType == discoveryv1.AddressTypeFQDN {
			continue
		}
		for _, p := range s.Ports {
			if p.Port != nil && deref(p.Name) == portName {
				out = append(out, ready(s, *p.Port)...)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func ready(s *discoveryv1.EndpointSlice, port int32) []string {
	var out []string
	for _, e := range s.Endpoints {
		// The API says that an unknown readiness is to be taken as ready.
		if e.Conditions.Ready != nil && !*e.Conditions.Ready {
			continue
		}
		for _, a := range e.Addresses {
			out = append(out, net.JoinHostPort(a, strconv.Itoa(int(port))))
		}
	}
	return out
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
