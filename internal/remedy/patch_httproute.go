package remedy

import (
	"fmt"
	"slices"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// PatchHTTPRoute corrects a backend or the parent of an HTTPRoute or GRPCRoute.
func PatchHTTPRoute() Action {
	return Action{
		Name:       "patch-httproute",
		Doc:        "Sets the name, port or weight of a backend of an HTTPRoute or GRPCRoute, or the listener that it asks for.",
		When:       "the backend, port, weight or listener of a route is what is wrong, and the right value is known",
		Reach:      "the rules of that route",
		Back:       "the former value is set again",
		Risk:       model.RiskLow,
		Candidates: patchHTTPRoute,
	}
}

func patchHTTPRoute(c Case) []model.Remedy {
	if !gatewayRoute(c.Finding.Object.Kind) {
		return nil
	}
	if c.Finding.ID == "gateway-listener-unattached" && c.Finding.Wanted == "" {
		return patchParent(c)
	}
	return patchRoute(c, "patch-httproute")
}

func gatewayRoute(kind string) bool {
	return kind == string(snapshot.HTTPRoutes) || kind == string(snapshot.GRPCRoutes)
}

// patchParent sets the listener's name or port that a parentRef asks for and that the Gateway does not
// have, where the Gateway leaves no choice.
func patchParent(c Case) []model.Remedy {
	at, err := tokens(c.Finding.Object.Field)
	if err != nil || len(at) != 4 || at[1] != "parentRefs" {
		return nil
	}
	gw := gatewayOf(c)
	if gw == nil {
		return nil
	}
	var values []any
	for _, l := range gw.Spec.Listeners {
		if l.Protocol != gatewayv1.HTTPProtocolType && l.Protocol != gatewayv1.HTTPSProtocolType {
			continue
		}
		var v any = string(l.Name)
		if at[3] == "port" {
			v = decodedNumber(l.Port)
		}
		if !slices.Contains(values, v) {
			values = append(values, v)
		}
	}
	if len(values) != 1 || at[3] != "port" && at[3] != "sectionName" {
		return nil
	}
	return oneField(c, "patch-httproute", model.RiskLow, values[0], fmt.Sprintf("%s has no other listener for it", snapshot.RefOf(gw)))
}

// gatewayOf is the Gateway that the finding's parentRef names, nil if it is not in the snapshot.
func gatewayOf(c Case) *gatewayv1.Gateway {
	for _, r := range c.routes() {
		for _, f := range r.Faults {
			if f.Kind != path.ListenerUnattached || f.Object != c.Finding.Object {
				continue
			}
			if gw, presence := c.Snapshot.Gateways().Get(r.Gateway.Namespace, r.Gateway.Name); presence == snapshot.Present {
				return gw
			}
		}
	}
	return nil
}
