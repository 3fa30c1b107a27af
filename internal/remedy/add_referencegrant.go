package remedy

import (
	"cmp"
	"fmt"
	"slices"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// AddReferenceGrant admits one reference from a route to a Service of another namespace.
func AddReferenceGrant() Action {
	return Action{
		Name:       "add-referencegrant",
		Doc:        "Creates the ReferenceGrant that is missing: for routes of one namespace, to one Service.",
		When:       "a route refers to a Service of another namespace, and the grants of that namespace are known not to admit it",
		Reach:      "routes of that kind and namespace, which may then refer to that Service",
		Back:       "the grant that was created, and no other, is deleted",
		Risk:       model.RiskLow,
		Candidates: addReferenceGrant,
	}
}

// addReferenceGrant leaves grants that are there as they are: who wrote them meant others.
func addReferenceGrant(c Case) []model.Remedy {
	if c.Finding.ID != "refgrant-missing" {
		return nil
	}
	for _, r := range c.routes() {
		for _, f := range r.Faults {
			i := slices.IndexFunc(r.Backends, func(b path.Backend) bool { return b.Field == f.Backend })
			if f.Kind != path.GrantMissing || f.Object != c.Finding.Object || i < 0 {
				continue
			}
			to := r.Backends[i].Service
			change := grantFor(c.Snapshot, r.Object, to)
			return []model.Remedy{finish(c, model.Remedy{
				Action: "add-referencegrant", Risk: model.RiskLow, Changes: []model.Change{change},
				Summary: fmt.Sprintf("create %s: %ss of namespace %s may refer to %s", change.Target, r.Object.Kind, r.Object.Namespace, to),
				Why:     fmt.Sprintf("%s refers to it", r.Object),
			})}
		}
	}
	return nil
}

// grantFor is the creation of a grant for one kind of route of one namespace, to one Service.
func grantFor(s *snapshot.Snapshot, route, to model.Ref) model.Change {
	// v1beta1 is served by every release of the Gateway API since 0.6; v1 by the newest only.
	const plain = gatewayv1.GroupName + "/v1beta1"
	target := model.Ref{APIVersion: plain, Kind: string(snapshot.ReferenceGrants), Namespace: to.Namespace}
	for g := range s.ReferenceGrants().All() {
		target.APIVersion = cmp.Or(snapshot.RefOf(g).APIVersion, plain)
		break
	}
	target.Name = freeName(s, target, shorten(route.Namespace+"-to-"+to.Name))
	return model.Change{Op: model.OpCreate, Target: target, Object: encode(map[string]any{
		"apiVersion": target.APIVersion, "kind": target.Kind,
		"metadata": map[string]any{"namespace": target.Namespace, "name": target.Name},
		"spec": map[string]any{
			"from": []any{map[string]any{"group": gatewayv1.GroupName, "kind": route.Kind, "namespace": route.Namespace}},
			"to":   []any{map[string]any{"group": "", "kind": to.Kind, "name": to.Name}},
		},
	})}
}
