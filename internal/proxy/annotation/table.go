package annotation

import (
	"cmp"
	"slices"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

// Row is one annotation of a controller, without the controller's prefix.
type Row struct {
	Name string
	Knob proxy.Knob
	Form Form
}

// Table is what a controller reads.
type Table struct {
	// Prefixes are the prefixes of its annotations, the strongest first, each with its slash.
	Prefixes []string
	Rows     []Row
}

// Read makes settings of an object's annotations. Settings of other controllers are kept as
// [proxy.Elsewhere]: people who see them in an object believe that they work.
func (t Table) Read(object model.Ref, annotations map[string]string) proxy.Settings {
	var out proxy.Settings
	for name, value := range annotations {
		own := slices.IndexFunc(t.Prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
		if own < 0 && !foreign(name) {
			continue
		}
		at := model.FieldRef{Ref: object, Field: Field(name)}
		if own < 0 {
			out = append(out, proxy.Setting{Knob: proxy.Elsewhere, Value: name, At: at})
			continue
		}
		short := name[len(t.Prefixes[own]):]
		for _, r := range t.Rows {
			if r.Name == short {
				s := r.Form(value)
				s.Knob, s.At = r.Knob, at
				out = append(out, s)
			}
		}
	}
	t.sort(out)
	return out
}

// sort puts settings in an order that is the same each time: what is wrong after what is right, then
// by the strength of the prefix and the order of the table.
func (t Table) sort(s proxy.Settings) {
	rank := func(v proxy.Setting) int {
		return slices.IndexFunc(t.Prefixes, func(p string) bool { return strings.HasPrefix(v.At.Field, Field(p)[:len(Field(p))-2]) })
	}
	slices.SortStableFunc(s, func(a, b proxy.Setting) int {
		return cmp.Or(cmp.Compare(a.Knob, b.Knob), cmp.Compare(rank(a), rank(b)), cmp.Compare(a.At.Field, b.At.Field))
	})
}

// Field is an annotation as a field path.
func Field(name string) string { return "metadata.annotations['" + name + "']" }

// foreign reports whether an annotation is one with which some controller is told how to route.
func foreign(name string) bool {
	prefix, _, ok := strings.Cut(name, "/")
	return ok && slices.Contains(controllers(), prefix)
}

// controllers lists the prefixes of the annotations of controllers that people run.
func controllers() []string {
	return []string{
		"nginx.ingress.kubernetes.io", "nginx.org", "nginx.com", "haproxy.org", "haproxy-ingress.github.io", "ingress.kubernetes.io",
		"traefik.ingress.kubernetes.io", "projectcontour.io", "konghq.com", "alb.ingress.kubernetes.io", "appgw.ingress.kubernetes.io",
	}
}
