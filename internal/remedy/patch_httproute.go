package remedy

import (
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// PatchHTTPRoute corrects a backend of an HTTPRoute.
func PatchHTTPRoute() Action {
	return Action{
		Name: "patch-httproute",
		Doc:  "Sets the name, port or weight of a backend of an HTTPRoute.",
		Risk: model.RiskLow,
		Candidates: func(c Case) []model.Remedy {
			if c.Finding.Object.Kind != string(snapshot.HTTPRoutes) {
				return nil
			}
			return patchRoute(c, "patch-httproute")
		},
	}
}
