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

// servicesNamed are the Services of a namespace with a name, endings that say nothing of what they are about aside.
func (v *view) servicesNamed(namespace, name string) []*corev1.Service {
	of, asked := v.named.services[namespace]
	if !asked {
		of = map[string][]*corev1.Service{}
		for svc := range v.s.Services().In(namespace) {
			of[stem(svc.Name)] = append(of[stem(svc.Name)], svc)
		}
		if v.named.services == nil {
			v.named.services = map[string]map[string][]*corev1.Service{}
		}
		v.named.services[namespace] = of
	}
	return of[stem(name)]
}

// forgottenService is the Service with one of the words as its name that serves and to which no route leads; nil if
// there is none, or none that has the name more than others.
func (v *view) forgottenService(namespace string, about []string) *corev1.Service {
	return v.serviceNamed(namespace, about, func(svc *corev1.Service) bool { return len(v.m.To(svc.Namespace, svc.Name)) == 0 })
}

// serviceNamed is the Service of those asked for that serves requests and has one of the words as its name, nil if none has
// it more than the others.
func (v *view) serviceNamed(namespace string, about []string, asked func(*corev1.Service) bool) *corev1.Service {
	var found *corev1.Service
	best, several := 0, false
	for _, w := range about {
		for _, svc := range v.servicesNamed(namespace, w) {
			fit := resemblance(svc.Name, about)
			if svc == found || fit < sameStem || fit < best || !asked(svc) || !v.serves(snapshot.RefOf(svc)) || httpPort(svc) == nil {
				continue
			}
			found, best, several = svc, fit, fit == best
		}
	}
	if several {
		return nil
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

// How well a Service's name fits the words of a rule.
const (
	noWord   = iota
	partWord // a part of it: shopping-cart for /cart
	sameStem // the word, and a word that says what kind of part it is: cart-api for /cart
	sameWord // the word itself
)

// resemblance says how well a Service's name fits the words of a rule.
func resemblance(service string, words []string) int {
	best := noWord
	for _, w := range words {
		switch {
		case service == w || trim(service) == trim(w) || trim(trim(service)) == trim(w):
			return sameWord
		case stem(service) == stem(w):
			best = sameStem
		case contains(service, w) || len(w) > 3 && alike(service, w):
			best = max(best, partWord)
		}
	}
	return best
}

// stem is what a name is about: without the endings that say what kind of part of an application it is, and in the
// singular, as resources are named in the plural in paths, and Services often in the singular.
func stem(name string) string {
	for {
		cut := trim(name)
		for _, end := range []string{"-api", "-backend", "-frontend", "-web", "-ui", "-http"} {
			if rest, ok := strings.CutSuffix(cut, end); ok && len(rest) > 2 {
				cut = rest
			}
		}
		if rest, ok := strings.CutSuffix(name, "ies"); ok && len(rest) > 2 {
			cut = rest + "y"
		}
		if cut == name {
			return cut
		}
		name = cut
	}
}
