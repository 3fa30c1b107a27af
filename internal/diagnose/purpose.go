package diagnose

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// purpose lists what names a rule's purpose: its words, and the name of a route that has no other rule.
func (v *view) purpose(r path.Route) []string {
	out := wordsOf(r)
	if v.rulesOf(r.Object) > 1 {
		return out
	}
	if name := strings.ToLower(r.Object.Name); !common(name) && !slices.Contains(out, name) {
		out = append(out, name)
	}
	return out
}

// nameIndex answers questions about names without a look at every route and Service each time.
type nameIndex struct {
	rules    map[model.Ref]int                       // how many rules an object has; nil: not asked yet
	services map[string]map[string][]*corev1.Service // by namespace, of those asked for, and name without usual endings
}

// rulesOf is how many rules an object has.
func (v *view) rulesOf(object model.Ref) int {
	if v.named.rules == nil {
		v.named.rules = map[model.Ref]int{}
		all := v.m.Routes()
		for i := range all {
			v.named.rules[all[i].Object]++
		}
	}
	return v.named.rules[object]
}

// servicesNamed are the Services of a namespace with a name, usual endings aside.
func (v *view) servicesNamed(namespace, name string) []*corev1.Service {
	of, asked := v.named.services[namespace]
	if !asked {
		of = map[string][]*corev1.Service{}
		for svc := range v.s.Services().In(namespace) {
			for _, n := range slices.Compact([]string{svc.Name, trim(svc.Name), trim(trim(svc.Name))}) {
				of[n] = append(of[n], svc)
			}
		}
		if v.named.services == nil {
			v.named.services = map[string]map[string][]*corev1.Service{}
		}
		v.named.services[namespace] = of
	}
	return of[name]
}

// forgottenService is the only Service with one of the words as its name that serves and to which no route leads; nil if
// there is none, or more.
func (v *view) forgottenService(namespace string, about []string) *corev1.Service {
	var found *corev1.Service
	for _, w := range about {
		for _, svc := range append(slices.Clone(v.servicesNamed(namespace, w)), v.servicesNamed(namespace, trim(w))...) {
			if svc == found || resemblance(svc.Name, about) < 2 || len(v.m.To(svc.Namespace, svc.Name)) > 0 || !v.serves(snapshot.RefOf(svc)) || httpPort(svc) == nil {
				continue
			}
			if found != nil {
				return nil
			}
			found = svc
		}
	}
	return found
}

// wordsOf lists what a rule's own text names: the parts of its path, the most specific first, and the
// host's first label. Parts that every API has are left out.
func wordsOf(r path.Route) []string {
	var out []string
	add := func(word string) {
		word = strings.ToLower(word)
		if len(word) > 1 && !common(word) && !slices.Contains(out, word) {
			out = append(out, word)
		}
	}
	segments := segmentsOf(r.Path)
	slices.Reverse(segments)
	for _, s := range segments {
		add(s)
	}
	label, _, dotted := strings.Cut(r.Host, ".")
	if dotted && len(segments) == 0 {
		add(label)
	}
	return out
}

// segmentsOf cuts a path at its slashes, without what only a regular expression has.
func segmentsOf(p string) []string {
	return strings.FieldsFunc(p, func(c rune) bool { return strings.ContainsRune(`/()[]{}|^$.*+?\`, c) })
}

// common reports whether a word says nothing of what a path leads to.
func common(word string) bool {
	switch word {
	case "api", "apis", "rest", "public", "www", "app", "apps", "services", "service", "internal", "web", "http", "static":
		return true
	}
	version := strings.TrimLeft(word, "v")
	return strings.Trim(version, "0123456789") == "" // v1, 2
}

// resemblance says how well a Service's name fits the words of a rule: 2 is the word itself, 1 a part of
// it, 0 not at all.
func resemblance(service string, words []string) int {
	best := 0
	for _, w := range words {
		switch {
		case service == w || trim(service) == trim(w) || trim(trim(service)) == trim(w):
			return 2
		case contains(service, w) || len(w) > 3 && alike(service, w):
			best = max(best, 1)
		}
	}
	return best
}
