package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// resolve finds a target's object in the snapshot and fills its namespace in. A name that does not
// exist is wrong usage; one that could not be looked up is an error of looking.
func resolve(t model.Target, s *snapshot.Snapshot, namespace string) (model.Target, error) {
	if t.Object == nil {
		return t, nil
	}
	ref := *t.Object
	if ref.Namespace == "" && ref.Kind != string(snapshot.Namespaces) {
		ref.Namespace = namespace
	}
	if ref.Namespace == "" && ref.Kind != string(snapshot.Namespaces) {
		found := namespacesOf(s, ref)
		if len(found) > 1 {
			return t, usagef("say which with -n: "+strings.Join(found, ", "), "%s %q exists in %d namespaces", ref.Kind, ref.Name, len(found))
		}
		if len(found) == 1 {
			ref.Namespace = found[0]
		}
	}
	t.Object = &ref
	if exists(s, ref) {
		return t, nil
	}
	for _, version := range otherVersions(ref.Kind) {
		other := ref
		other.APIVersion = version
		if exists(s, other) {
			t.Object = &other
			return t, nil
		}
	}
	return t, notFound(s, ref)
}

// otherVersions are further groups and versions in which people have a kind: there are two kinds called
// Gateway, and Traefik's objects had another group before version 3.
func otherVersions(kind string) []string {
	return map[string][]string{
		"Gateway":      {"networking.istio.io/v1"},
		"IngressRoute": {"traefik.containo.us/v1alpha1"},
	}[kind]
}

// exists reports whether there is anything to say about an object: it is there, or a route refers to
// it and it is not, which is a finding and not a typing error.
func exists(s *snapshot.Snapshot, ref model.Ref) bool {
	if _, p := s.Lookup(ref); p == snapshot.Present {
		return true
	}
	switch snapshot.Kind(ref.Kind) {
	case snapshot.Services:
		return referredTo(s, ref)
	case snapshot.Namespaces:
		// Few may list namespaces, and dumps seldom hold them: what cannot be looked up is believed, and
		// the diagnosis says what it could not look at.
		_, p := s.Lookup(ref)
		return p == snapshot.Unknown
	default:
		return false
	}
}

// referredTo reports whether a route sends requests to a Service.
func referredTo(s *snapshot.Snapshot, service model.Ref) bool {
	for _, r := range path.Routes(s) {
		for _, b := range r.Backends {
			if b.Service.Kind == service.Kind && b.Service.Namespace == service.Namespace && b.Service.Name == service.Name {
				return true
			}
		}
	}
	return false
}

// notFound words the error for an object that is not in the snapshot.
func notFound(s *snapshot.Snapshot, ref model.Ref) error {
	hint := didYouMean(nearRefs(s, ref))
	_, presence := s.Lookup(ref)
	coverage, why := s.Coverage(snapshot.Kind(ref.Kind))
	if presence == snapshot.Absent || coverage == snapshot.Complete {
		return usagef(hint, "%s does not exist", ref)
	}
	text := fmt.Sprintf("%s was not found, and not all of its kind could be looked at (%s", ref, coverage)
	if why != "" {
		text += ": " + why
	}
	err := fmt.Errorf("%s)", text)
	if hint != "" {
		return &HintedError{Err: err, Hint: hint}
	}
	return err
}

// nearRefs gives names of the same kind that are spelled alike: in the namespace first, then the very
// name in other namespaces, then names that are spelled alike in other namespaces.
func nearRefs(s *snapshot.Snapshot, ref model.Ref) []string {
	short := strings.ToLower(ref.Kind) + "/"
	var out []string
	if ref.Namespace != "" || ref.Kind == string(snapshot.Namespaces) {
		for _, n := range near(ref.Name, names(s, snapshot.Kind(ref.Kind), ref.Namespace)) {
			out = append(out, short+n)
		}
	}
	for _, ns := range namespacesOf(s, ref) {
		out = append(out, short+ref.Name+" -n "+ns)
	}
	if len(out) > 0 {
		return out
	}
	homes := map[string]string{} // one namespace of each name
	for _, n := range names(s, snapshot.Kind(ref.Kind), "") {
		if ns, name, two := strings.Cut(n, "/"); two && homes[name] == "" {
			homes[name] = ns
		}
	}
	for _, n := range near(ref.Name, slices.Sorted(maps.Keys(homes))) {
		out = append(out, short+n+" -n "+homes[n])
	}
	return out
}

// namespacesOf lists the namespaces that have an object of that kind and name.
func namespacesOf(s *snapshot.Snapshot, ref model.Ref) []string {
	var out []string
	for _, n := range names(s, snapshot.Kind(ref.Kind), "") {
		if ns, name, _ := strings.Cut(n, "/"); name == ref.Name {
			out = append(out, ns)
		}
	}
	return out
}

// names lists the objects of a kind: their names in one namespace, or NAMESPACE/NAME of all.
func names(s *snapshot.Snapshot, k snapshot.Kind, namespace string) []string {
	var out []string
	add := func(o metav1.Object) {
		switch {
		case o.GetNamespace() == "" || (namespace != "" && o.GetNamespace() == namespace):
			out = append(out, o.GetName())
		case namespace == "":
			out = append(out, o.GetNamespace()+"/"+o.GetName())
		}
	}
	switch k {
	case snapshot.Ingresses:
		each(s.Ingresses(), add)
	case snapshot.HTTPRoutes:
		each(s.HTTPRoutes(), add)
	case snapshot.GRPCRoutes:
		each(s.GRPCRoutes(), add)
	case snapshot.Gateways:
		each(s.Gateways(), add)
	case snapshot.Services:
		each(s.Services(), add)
	case snapshot.Deployments:
		each(s.Deployments(), add)
	case snapshot.StatefulSets:
		each(s.StatefulSets(), add)
	case snapshot.DaemonSets:
		each(s.DaemonSets(), add)
	case snapshot.Pods:
		each(s.Pods(), add)
	case snapshot.Namespaces:
		each(s.Namespaces(), add)
	default:
		for o := range s.Others().All() {
			if o.GetKind() == string(k) {
				add(o)
			}
		}
	}
	return out
}

func each[T metav1.Object](t *snapshot.Table[T], f func(metav1.Object)) {
	for o := range t.All() {
		f(o)
	}
}

// nearHosts gives hosts of routes that are spelled like a host that no route serves.
func nearHosts(s *snapshot.Snapshot, req model.Request) []string {
	var hosts []string
	for _, r := range path.Routes(s) {
		if r.Host == "" || r.Host == req.Host {
			return nil
		}
		hosts = append(hosts, r.Host)
	}
	slices.Sort(hosts)
	return near(req.Host, slices.Compact(hosts))
}
