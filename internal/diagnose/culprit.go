package diagnose

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// suspect is an object that may hold what a proxy refuses.
type suspect struct {
	at     model.FieldRef
	why    string
	weight int
	made   time.Time
}

// culprit finds the object that holds what a proxy complains of. Confidence is proven where one object
// holds it and no other does; where several do it is the newest; where none does, the controller.
func (v *view) culprit(r rejection) (suspect, float64) {
	said := complaintOf(r.reason)
	var found []suspect
	for _, o := range v.configures(r) {
		if s, ok := accuse(o, said); ok {
			found = append(found, s)
		}
	}
	if !strings.Contains(r.reason, "unexpected") && !strings.Contains(r.reason, "terminated") || len(found) > 1 {
		// A snippet alone is no reason to suspect an object, unless the complaint is of the form of one.
		found = slices.DeleteFunc(found, func(s suspect) bool { return s.weight < named })
	}
	if len(found) == 0 {
		return suspect{at: at(r.fleet.Object, "")}, likely
	}
	slices.SortStableFunc(found, func(a, b suspect) int { return cmp.Or(b.weight-a.weight, b.made.Compare(a.made)) })
	if len(found) > 1 && found[1].weight == found[0].weight || found[0].weight < named {
		return found[0], likely
	}
	return found[0], proven
}

// The weights of what speaks against an object: it is named, it sets the directive, it holds the complaint,
// it is of a kind that is passed on unchecked.
const (
	byFile    = 20
	byKey     = 8
	named     = 3
	unchecked = 1
)

// complaint holds the parts of what a proxy says by which its object is recognised.
type complaint struct {
	quoted []string // what the proxy quotes: a directive, a value, a path
	files  []string // names of files without folder and ending, where these are made of objects' names
	text   string
}

// quotedWords finds what a proxy quotes in a complaint.
var quotedWords = regexp.MustCompile(`"([^"\n]+)"|'([^'\n]+)'|unknown keyword (\S+)`)

// complainedFile finds the file that a proxy complains of.
var complainedFile = regexp.MustCompile(`/([^/\s]+)\.conf:\d+`)

func complaintOf(reason string) complaint {
	w := complaint{text: reason}
	for _, m := range quotedWords.FindAllStringSubmatch(reason, -1) {
		q := cmp.Or(m[1], m[2], m[3])
		if strings.HasPrefix(q, "/") && strings.HasSuffix(q, ".pem") {
			w.files = append(w.files, strings.TrimSuffix(q[strings.LastIndexByte(q, '/')+1:], ".pem"))
			continue
		}
		w.quoted = append(w.quoted, strings.Trim(q, "^$ \t")) // anchors are the controller's
	}
	if m := complainedFile.FindStringSubmatch(reason); m != nil && m[1] != "nginx" {
		w.files = append(w.files, m[1])
	}
	return w
}

// configures lists the objects of which a fleet's configuration is made.
func (v *view) configures(r rejection) []metav1.Object {
	var out []metav1.Object
	seen := map[model.Ref]bool{}
	for _, route := range v.m.Routes() {
		if seen[route.Object] || route.Proxy != r.fleet.Proxy && r.fleet.Proxy != "" {
			continue
		}
		seen[route.Object] = true
		out = append(out, slices.DeleteFunc(v.objectsIn(route.Object.Kind), func(o metav1.Object) bool {
			return o.GetNamespace() != route.Object.Namespace || o.GetName() != route.Object.Name
		})...)
		for _, b := range route.Backends {
			if svc, ok := v.s.Services().Get(b.Service.Namespace, b.Service.Name); ok == snapshot.Present && !seen[b.Service] && len(svc.Annotations) > 0 {
				seen[b.Service] = true
				out = append(out, svc)
			}
		}
	}
	for cm := range v.s.ConfigMaps().In(r.fleet.Object.Namespace) {
		out = append(out, cm)
	}
	for o := range v.s.Others().All() {
		if slices.Contains(configuring(), o.GetKind()) {
			out = append(out, o)
		}
	}
	return out
}

// configuring lists the custom kinds of which proxies' configurations are made, those first whose content
// is passed on unchecked.
func configuring() []string {
	return []string{
		"EnvoyFilter", "EnvoyPatchPolicy", "WasmPlugin", "EnvoyExtensionPolicy", "EnvoyProxy", "SnippetsFilter", "KongPlugin", "KongClusterPlugin",
		"HTTPProxy", "VirtualServer", "VirtualServerRoute", "TransportServer", "VirtualService", "DestinationRule", "BackendTrafficPolicy",
		"ClientTrafficPolicy", "SecurityPolicy", "Policy", "KongConsumer",
	}
}

// objectsIn lists the objects of a kind, typed or not.
func (v *view) objectsIn(kind string) []metav1.Object {
	var out []metav1.Object
	if k := snapshot.Kind(kind); slices.Contains(snapshot.Kinds(), k) && k != snapshot.Other {
		for o := range v.s.AllOf(k) {
			out = append(out, o)
		}
		return out
	}
	for o := range v.s.Others().All() {
		if o.GetKind() == kind {
			out = append(out, o)
		}
	}
	return out
}

// accuse weighs what speaks against an object, and names the field that holds most of it.
func accuse(o metav1.Object, w complaint) (suspect, bool) {
	s := suspect{at: at(snapshot.RefOf(o), ""), made: o.GetCreationTimestamp().Time}
	joined := o.GetNamespace() + "-" + o.GetName()
	for _, f := range w.files {
		if f == joined || f == "vs_"+strings.ReplaceAll(joined, "-", "_") || f == "vs_"+o.GetNamespace()+"_"+o.GetName() {
			s.weight, s.why = byFile, fmt.Sprintf("the proxy complains of file %s, which is made of %s", f, s.at.Ref)
		}
		if i := certificateIn(o, f); i >= 0 {
			s.at.Field = fmt.Sprintf("spec.tls[%d].secretName", i)
			s.weight, s.why = byFile, fmt.Sprintf("the proxy complains of the certificate of Secret %s/%s, which %s names", o.GetNamespace(), strings.TrimPrefix(f, o.GetNamespace()+"-"), s.at.Ref)
		}
	}
	if n := o.GetNamespace() + "/" + o.GetName(); strings.Contains(w.text, n) && slices.Contains(configuring(), s.at.Kind) {
		s.weight, s.why = s.weight+byKey, fmt.Sprintf("the proxy names %s", n)
	}
	heaviest := 0
	for _, l := range leaves(o) {
		n, why := l.speaks(w)
		if n > heaviest {
			heaviest = n
			if s.weight < byFile {
				s.at.Field, s.why = l.field, fmt.Sprintf("%s %s", l.field, why)
			}
		}
	}
	if s.weight >= byFile && s.at.Field == "" {
		s.at.Field = onlyAnnotation(o)
	}
	s.weight += heaviest
	return s, s.weight > 0
}

// onlyAnnotation is the annotation that makes the file of an Ingress what it is where no other one does; empty if there are more.
// (Of the controllers that tell a file's name, NGINX's own makes one for each Ingress.)
func onlyAnnotation(o metav1.Object) string {
	found := ""
	for name := range o.GetAnnotations() {
		if !strings.HasPrefix(name, "nginx.org/") && !strings.HasPrefix(name, "nginx.com/") {
			continue
		}
		if found != "" {
			return ""
		}
		found = annotation(name)
	}
	return found
}

// certificateIn is the place in an Ingress of the certificate of which a file is made; -1 if it names none.
func certificateIn(o metav1.Object, file string) int {
	ing, ok := o.(*networkingv1.Ingress)
	if !ok {
		return -1
	}
	return slices.IndexFunc(ing.Spec.TLS, func(t networkingv1.IngressTLS) bool { return file == ing.Namespace+"-"+t.SecretName })
}

// speaks weighs a leaf against the words of a complaint.
func (l leaf) speaks(w complaint) (weight int, why string) {
	snippet := strings.Contains(l.field, "snippet") || strings.Contains(l.field, "Snippet") || strings.Contains(l.field, "configPatches")
	for _, q := range w.quoted {
		switch {
		case len(q) > 2 && strings.HasSuffix(strings.TrimSuffix(l.field, "']"), "/"+strings.ReplaceAll(q, "_", "-")) && weight < byKey:
			weight, why = byKey, fmt.Sprintf("sets %s to %q", q, brief(l.value))
		case len(q) > 2 && holdsWord(l.value, q):
			weight, why = weight+named, fmt.Sprintf("holds %q", q)
		case snippet && (q == "{" || q == "}") && strings.Count(l.value, "{") != strings.Count(l.value, "}"):
			weight, why = weight+named, "has braces that do not match"
		}
	}
	if snippet {
		weight += unchecked
		why = cmp.Or(why, "is passed to the proxy unchecked")
	}
	return weight, why
}

// holdsWord finds a word in a text, not within a longer word.
func holdsWord(text, word string) bool {
	for i := strings.Index(text, word); i >= 0; {
		before, after := i == 0 || !letter(text[i-1]) || !letter(word[0]), i+len(word) == len(text) || !letter(text[i+len(word)]) || !letter(word[len(word)-1])
		if before && after {
			return true
		}
		next := strings.Index(text[i+1:], word)
		if next < 0 {
			return false
		}
		i += 1 + next
	}
	return false
}

func letter(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '_' || b == '-'
}

// leaf is a text in an object, with the field that holds it.
type leaf struct{ field, value string }

// leaves lists the texts of an object that people write: annotations, and the parts of its spec or data
// that reach a proxy's configuration.
func leaves(o metav1.Object) []leaf {
	var out []leaf
	annotations := o.GetAnnotations()
	for _, k := range slices.Sorted(maps.Keys(annotations)) {
		if k != "kubectl.kubernetes.io/last-applied-configuration" {
			out = append(out, leaf{annotation(k), annotations[k]})
		}
	}
	switch o := o.(type) {
	case *networkingv1.Ingress:
		for i, rule := range o.Spec.Rules {
			out = append(out, leaf{fmt.Sprintf("spec.rules[%d].host", i), rule.Host})
			if rule.HTTP == nil {
				continue
			}
			for j, p := range rule.HTTP.Paths {
				out = append(out, leaf{fmt.Sprintf("spec.rules[%d].http.paths[%d].path", i, j), p.Path})
			}
		}
	case *unstructured.Unstructured:
		out = append(out, inside("spec", o.Object["spec"])...)
	default:
		if cm, ok := configMapData(o); ok {
			for _, k := range slices.Sorted(maps.Keys(cm)) {
				out = append(out, leaf{"data." + k, cm[k]})
			}
		}
	}
	return out
}

// inside lists the texts below a field of an untyped object.
func inside(field string, value any) []leaf {
	var out []leaf
	switch x := value.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(x)) {
			out = append(out, leaf{field, k})
			out = append(out, inside(field+"."+k, x[k])...)
		}
	case []any:
		for i, e := range x {
			out = append(out, inside(fmt.Sprintf("%s[%d]", field, i), e)...)
		}
	case string:
		out = append(out, leaf{field, x})
	}
	return out
}
