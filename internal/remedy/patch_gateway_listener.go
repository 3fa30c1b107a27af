package remedy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// PatchGatewayListener lets a listener take a route, or corrects what keeps it from serving.
func PatchGatewayListener() Action {
	return Action{
		Name:       "patch-gateway-listener",
		Doc:        "Lets a listener of a Gateway take routes of one namespace or kind more, or sets the certificate that it refers to.",
		When:       "no listener takes the route because of its namespace or kind, or a certificate's Secret of nearly that name exists",
		Reach:      "every route of that listener",
		Back:       "the former value is set again",
		Risk:       model.RiskMedium,
		Candidates: patchGatewayListener,
	}
}

func patchGatewayListener(c Case) []model.Remedy {
	f := c.Finding
	gw, presence := c.Snapshot.Gateways().Get(f.Object.Namespace, f.Object.Name)
	path, err := tokens(f.Object.Field)
	if f.Object.Kind != string(snapshot.Gateways) || presence != snapshot.Present || err != nil || len(path) < 3 || path[1] != "listeners" {
		return nil
	}
	if want, ok := wanted(f); ok {
		return oneField(c, "patch-gateway-listener", model.RiskMedium, want, "a Secret of nearly this name exists in the namespace")
	}
	i, err := strconv.Atoi(path[2])
	if err != nil || i < 0 || i >= len(gw.Spec.Listeners) || len(f.Routes) == 0 {
		return nil
	}
	listener, route := gw.Spec.Listeners[i], f.Routes[0]
	var value any
	switch strings.Join(path[3:], ".") {
	case "allowedRoutes.namespaces.from", "allowedRoutes.namespaces.selector": // which only make sense together
		path = path[:len(path)-1]
		value = namespacesWith(listener.AllowedRoutes, gw.Namespace, route.Namespace)
	case "allowedRoutes.kinds":
		value = kindsWith(listener.AllowedRoutes, route.Kind)
	}
	t, err := tree(gw)
	if value == nil || err != nil {
		return nil
	}
	change, ok := set(t, path, value)
	if !ok {
		return nil
	}
	ref := snapshot.RefOf(gw)
	return []model.Remedy{finish(c, model.Remedy{
		Action: "patch-gateway-listener", Risk: model.RiskMedium, Changes: []model.Change{patchOf(gw, change)},
		Summary: fmt.Sprintf("listener %s of %s takes %ss of namespace %s too", listener.Name, ref, route.Kind, route.Namespace),
		Why:     fmt.Sprintf("%s asks for it", route),
	})}
}

// namespacesWith is what a listener says of namespaces, with one more: named, since a wider opening would
// let in whoever comes later. It is nil where the listener shuts all routes out on purpose, or goes by
// labels that are its owner's business.
func namespacesWith(allowed *gatewayv1.AllowedRoutes, own, more string) any {
	from := gatewayv1.NamespacesFromSame
	if allowed != nil && allowed.Namespaces != nil && allowed.Namespaces.From != nil {
		from = *allowed.Namespaces.From
	}
	names := []string{own}
	switch from {
	case gatewayv1.NamespacesFromSame:
	case gatewayv1.NamespacesFromSelector:
		var ok bool
		if names, ok = byName(allowed.Namespaces.Selector); !ok {
			return nil
		}
	default:
		return nil
	}
	var values []any
	for _, n := range append(names, more) {
		if !slices.Contains(values, any(n)) {
			values = append(values, n)
		}
	}
	return map[string]any{
		"from": string(gatewayv1.NamespacesFromSelector),
		"selector": map[string]any{"matchExpressions": []any{map[string]any{
			"key": corev1.LabelMetadataName, "operator": string(metav1.LabelSelectorOpIn), "values": values,
		}}},
	}
}

// byName are the namespaces that a selector names; ok is false if it goes by anything else.
func byName(s *metav1.LabelSelector) (names []string, ok bool) {
	switch {
	case s == nil:
		return nil, false
	case len(s.MatchLabels) == 1 && len(s.MatchExpressions) == 0:
		name, ok := s.MatchLabels[corev1.LabelMetadataName]
		return []string{name}, ok
	case len(s.MatchLabels) == 0 && len(s.MatchExpressions) == 1:
		e := s.MatchExpressions[0]
		return slices.Clone(e.Values), e.Key == corev1.LabelMetadataName && e.Operator == metav1.LabelSelectorOpIn
	default:
		return nil, false
	}
}

// kindsWith are the kinds of routes that a listener takes, with one more.
func kindsWith(allowed *gatewayv1.AllowedRoutes, more string) any {
	if allowed == nil || len(allowed.Kinds) == 0 {
		return nil // it takes whatever its protocol can carry
	}
	t, err := tree(allowed.Kinds)
	kinds, ok := t.([]any)
	if err != nil || !ok {
		return nil
	}
	return append(kinds, map[string]any{"group": gatewayv1.GroupName, "kind": more})
}
