package diagnose

import (
	"encoding/json"
	"strconv"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// ingressNginx is the prefix of ingress-nginx's annotations.
const ingressNginx = "nginx.ingress.kubernetes.io/"

// lastApplied is where kubectl apply keeps what it was given last.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// annotated is an annotation as a field.
func annotated(ref model.Ref, name string) model.FieldRef {
	return at(ref, "metadata.annotations['"+name+"']")
}

// ingress gives the Ingress of a route, nil if it is of another kind.
func (v *view) ingress(r path.Route) *networkingv1.Ingress {
	if r.Object.Kind != "Ingress" {
		return nil
	}
	ing, presence := v.s.Ingresses().Get(r.Object.Namespace, r.Object.Name)
	if presence != snapshot.Present {
		return nil
	}
	return ing
}

// nginxSetting is an annotation of ingress-nginx on a route that ingress-nginx serves; empty if there is none.
func (v *view) nginxSetting(r path.Route, name string) string {
	ing := v.ingress(r)
	if ing == nil || r.Proxy != "nginx" {
		return ""
	}
	return ing.Annotations[ingressNginx+name]
}

// applied is the value that a field had when the object was last applied with kubectl; ok is false if it was
// not, or the field was not set.
func applied(o metav1.Object, field string) (value any, ok bool) {
	text := o.GetAnnotations()[lastApplied]
	if text == "" {
		return nil, false
	}
	var was any
	if err := json.Unmarshal([]byte(text), &was); err != nil {
		return nil, false // somebody else's text: it says nothing
	}
	for _, key := range strings.FieldsFunc(field, func(c rune) bool { return c == '.' || c == '[' || c == ']' }) {
		switch x := was.(type) {
		case map[string]any:
			was, ok = x[key]
		case []any:
			n, err := strconv.Atoi(key)
			if ok = err == nil && n < len(x); ok {
				was = x[n]
			}
		default:
			ok = false
		}
		if !ok {
			return nil, false
		}
	}
	return was, true
}
