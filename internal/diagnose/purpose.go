package diagnose

import (
	"slices"
	"strings"

	"github.com/gatemend/gatemend/internal/path"
)

// purpose lists what names a rule's purpose: its words, and the name of a route that has no other rule.
func (v *view) purpose(r path.Route) []string {
	out := wordsOf(r)
	for _, o := range v.m.Routes() {
		if o.Object == r.Object && (o.Rule != r.Rule || o.Path != r.Path) {
			return out
		}
	}
	if name := strings.ToLower(r.Object.Name); !common(name) && !slices.Contains(out, name) {
		out = append(out, name)
	}
	return out
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
