package remedy

import (
	"fmt"
	"slices"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// RestartGateway replaces the pods of a gateway, or of what controls it.
func RestartGateway() Action {
	return Action{
		Name:       "restart-gateway",
		Doc:        "Rolls the workload of a gateway that is stuck or does not follow, or of the controller that no longer tells it what changed.",
		When:       "objects and endpoints are right, and the gateway does not do what they say",
		Reach:      "every route of that gateway, and every connection through it",
		Back:       "none is needed: the pods are replaced by equal ones",
		Risk:       model.RiskHigh,
		ByHand:     true,
		Candidates: restartGateway,
	}
}

func restartGateway(c Case) []model.Remedy {
	var workloads []model.Ref
	if c.Finding.ID == "proxy-process-wedged" {
		workloads = append(workloads, c.Finding.Related["workload"])
	} else {
		for _, r := range c.routes() {
			fleets := c.paths().Fleets(r)
			if c.Finding.ID == "controller-stale" {
				fleets = controllers(c.paths(), r)
			}
			for _, f := range fleets {
				if !slices.Contains(workloads, f.Object) {
					workloads = append(workloads, f.Object)
				}
			}
		}
	}
	var out []model.Remedy
	for _, w := range workloads {
		o, presence := c.Snapshot.Lookup(w)
		if presence != snapshot.Present || templateOf(c.Snapshot, w) == nil {
			continue
		}
		ref := snapshot.RefOf(o)
		change := restartChange(c, ref)
		change.ResourceVersion = o.GetResourceVersion()
		out = append(out, finish(c, model.Remedy{
			Action: "restart-gateway", Risk: model.RiskHigh, Changes: []model.Change{change},
			Summary: fmt.Sprintf("restart the pods of %s one after the other", ref),
			Why:     "a fresh process reads everything anew; look into its log before",
			Kubectl: "kubectl rollout restart " + model.ShellWord(ref.Resource()) + namespaceFlag(ref),
		}))
	}
	return out
}

// controllers are the workloads that tell a route's gateway what to do: its own where there is no other.
func controllers(m *path.Map, r path.Route) []path.Fleet {
	if planes := m.ControlPlanes(r); len(planes) > 0 {
		return planes
	}
	return m.Fleets(r)
}
