package diagnose

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// address is a setting of a workload that names something that it calls.
type address struct {
	peer
	at    model.FieldRef
	name  string // of the variable or key
	value string
	// portAt is the setting that names the port, and portValue what it says, where it is one of its own.
	portAt    model.FieldRef
	portValue string
}

// addresses lists what a workload's variables, arguments and ConfigMaps say of whom it calls.
func (v *view) addresses(w *workload) []address {
	var out []address
	spec := &w.template.template.Spec
	for i := range spec.Containers {
		out = append(out, v.addressesOf(w, &spec.Containers[i], fmt.Sprintf("spec.template.spec.containers[%d]", i))...)
	}
	for i := range spec.InitContainers {
		out = append(out, v.addressesOf(w, &spec.InitContainers[i], fmt.Sprintf("spec.template.spec.initContainers[%d]", i))...)
	}
	for _, vol := range spec.Volumes {
		if vol.ConfigMap == nil {
			continue
		}
		if cm, ok := v.s.ConfigMaps().Get(w.ref.Namespace, vol.ConfigMap.Name); ok == snapshot.Present {
			for _, key := range sortedKeys(cm.Data) {
				for _, p := range v.read.places(cm.Data[key]) {
					out = append(out, address{peer: p, at: at(snapshot.RefOf(cm), dataField(key)), name: key, value: p.host})
				}
			}
		}
	}
	return out
}

func (v *view) addressesOf(w *workload, c *corev1.Container, prefix string) []address {
	var out []address
	env := v.environment(w, c, prefix)
	for _, e := range env {
		for _, p := range v.placesIn(e.name, e.value) {
			a := address{peer: p, at: e.at, name: e.name, value: e.value}
			if s, ok := portBeside(env, e.name); ok && p.port == 0 {
				a.port, a.portAt, a.portValue = portNumber(s.value), s.at, s.value
			}
			out = append(out, a)
		}
	}
	for _, list := range []struct {
		field string
		words []string
	}{{"args", c.Args}, {"command", c.Command}} {
		for i, word := range list.words {
			name, value, ok := strings.Cut(strings.TrimLeft(word, "-"), "=")
			if !ok {
				name, value = "", word
			}
			for _, p := range v.placesIn(name, value) {
				out = append(out, address{peer: p, at: at(w.ref, fmt.Sprintf("%s.%s[%d]", prefix, list.field, i)), name: name, value: word})
			}
		}
	}
	return out
}

// setting is a variable of a container with the object and field that sets it.
type setting struct {
	name, value string
	at          model.FieldRef
}

// environment lists a container's variables whose values can be read, in the order in which the kubelet
// lays them over each other.
func (v *view) environment(w *workload, c *corev1.Container, prefix string) []setting {
	var out []setting
	for _, from := range c.EnvFrom {
		if from.ConfigMapRef == nil {
			continue
		}
		if cm, ok := v.s.ConfigMaps().Get(w.ref.Namespace, from.ConfigMapRef.Name); ok == snapshot.Present {
			for _, key := range sortedKeys(cm.Data) {
				out = append(out, setting{from.Prefix + key, cm.Data[key], at(snapshot.RefOf(cm), dataField(key))})
			}
		}
	}
	for _, e := range c.Env {
		out = slices.DeleteFunc(out, func(s setting) bool { return s.name == e.Name })
		s := setting{e.Name, e.Value, at(w.ref, fmt.Sprintf("%s.env[%s].value", prefix, e.Name))}
		if e.ValueFrom != nil {
			if e.ValueFrom.ConfigMapKeyRef == nil {
				continue
			}
			cm, ok := v.s.ConfigMaps().Get(w.ref.Namespace, e.ValueFrom.ConfigMapKeyRef.Name)
			if ok != snapshot.Present {
				continue
			}
			s.value, s.at = cm.Data[e.ValueFrom.ConfigMapKeyRef.Key], at(snapshot.RefOf(cm), dataField(e.ValueFrom.ConfigMapKeyRef.Key))
		}
		out = append(out, s)
	}
	return out
}

// placesIn reads a setting's value: URLs and host:port wherever they stand; a bare name where a Service
// has it, or where the setting's own name says that it is an address.
func (v *view) placesIn(name, value string) []peer {
	if ps := v.read.places(value); len(ps) > 0 {
		return slices.DeleteFunc(ps, func(p peer) bool { return p.host == "0.0.0.0" || p.host == "::" })
	}
	if !v.read.hostly.MatchString(value) || !v.read.addressy.MatchString(name) {
		return nil
	}
	return []peer{{host: value}}
}

// portBeside is the sibling of X_HOST that sets its port: X_PORT.
func portBeside(env []setting, name string) (setting, bool) {
	port := portBesideName(name)
	for _, e := range env {
		if port != "" && strings.EqualFold(e.name, port) {
			return e, true
		}
	}
	return setting{}, false
}

// portBesideName is X_PORT for X_HOST, in upper case; empty for names of another form.
func portBesideName(name string) string {
	for _, end := range []string{"_HOST", "_HOSTNAME", "_ADDR", "_ADDRESS", "_SERVER"} {
		if stem, ok := strings.CutSuffix(strings.ToUpper(name), end); ok {
			return stem + "_PORT"
		}
	}
	return ""
}

// dataField writes a key of a ConfigMap or Secret as a field; keys with dots or slashes in brackets.
func dataField(key string) string {
	if strings.ContainsAny(key, "./") {
		return "data['" + key + "']"
	}
	return "data." + key
}

// home says which Service a host stands for, seen from a namespace. inside is false for what is not in
// the cluster, as far as can be told.
func (v *view) home(namespace, host string) (service model.Ref, inside bool) {
	if ip := net.ParseIP(host); ip != nil {
		return v.byAddress(host)
	}
	ref := model.Ref{APIVersion: "v1", Kind: "Service", Namespace: namespace}
	labels := strings.Split(strings.TrimSuffix(strings.ToLower(host), "."), ".")
	if i := slices.Index(labels, "svc"); i >= 2 {
		ref.Name, ref.Namespace = labels[i-2], labels[i-1]
		return ref, true
	}
	ref.Name = labels[0]
	switch len(labels) {
	case 1:
		return ref, host != "localhost"
	case 2, 3:
		// name.namespace, or pod.service and pod.service.namespace of a StatefulSet
		if headless, ok := v.ofPod(namespace, labels[0], labels[1]); ok && len(labels) == 2 {
			return headless, true
		}
		ref.Name, ref.Namespace = labels[len(labels)-2], labels[len(labels)-1]
		_, presence := v.s.Namespaces().Get("", ref.Namespace)
		_, has := v.s.Services().Get(ref.Namespace, ref.Name)
		return ref, has == snapshot.Present || presence == snapshot.Present || v.displaced(ref) != nil
	}
	return ref, false
}

// displaced finds the Service that somebody names with a namespace that does not exist, and whose own has that name with an
// ending more, or less: fares.travel for fares.travel-prod. Nil if there is none, or more than one. Names that are only alike
// are those of neighbours: team-a and team-b, shop-de and shop-fr.
func (v *view) displaced(named model.Ref) *corev1.Service {
	if _, presence := v.s.Namespaces().Get("", named.Namespace); presence != snapshot.Absent || topLevel(named.Namespace) {
		return nil
	}
	var found []*corev1.Service
	for svc := range v.s.Services().Named(named.Name) {
		if strings.HasPrefix(svc.Namespace, named.Namespace+"-") || strings.HasPrefix(named.Namespace, svc.Namespace+"-") {
			found = append(found, svc)
		}
	}
	return only(found)
}

// topLevel reports whether the last label of a name is one under which there are names outside of the cluster, and that a
// namespace might begin with, too: auth.app where there is a namespace app-prod.
func topLevel(label string) bool {
	return slices.Contains([]string{"internal", "local", "app", "dev", "com", "net", "io"}, label)
}

// nameIn matches what may be a host within a setting's value.
var nameIn = regexp.MustCompile(`[a-zA-Z0-9._-]+`)

// withHost is a setting's value with another host in the place of one, which it may name beside others.
func withHost(value, host, other string) string {
	return nameIn.ReplaceAllStringFunc(value, func(name string) string {
		if name == host {
			return other
		}
		return name
	})
}

// byAddress finds the Service that has an IP, or that selects the pod that has it.
func (v *view) byAddress(ip string) (service model.Ref, inside bool) {
	for svc := range v.s.Services().All() {
		if svc.Spec.ClusterIP == ip || slices.Contains(svc.Spec.ClusterIPs, ip) {
			return snapshot.RefOf(svc), true
		}
	}
	for _, p := range v.s.PodsByIP(ip) {
		for svc := range v.s.Services().In(p.Namespace) {
			if matches(svc.Spec.Selector, p.Labels) {
				return snapshot.RefOf(svc), true
			}
		}
	}
	return model.Ref{}, false
}
