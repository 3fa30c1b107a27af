package remedy

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/catalogue"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Case is what a repair is made from.
type Case struct {
	Finding  model.Finding
	Snapshot *snapshot.Snapshot
	// Deleted are objects that existed a short while ago, the one deleted last at the end.
	Deleted []metav1.Object
	// Observed is what gateways reported of the failing routes; none where nobody watched.
	Observed []model.Observation
	// Map gives the routes of Snapshot; nil: they are read from it when an action asks.
	Map func() *path.Map
}

// routes are the rules of the objects whose requests fail because of the finding.
func (c Case) routes() []path.Route {
	if len(c.Finding.Routes) == 0 {
		return nil
	}
	var out []path.Route
	for _, r := range c.paths().Routes() {
		if slices.ContainsFunc(c.Finding.Routes, func(f model.Ref) bool { return f.Same(r.Object) }) {
			out = append(out, r)
		}
	}
	return out
}

func (c Case) paths() *path.Map {
	if c.Map == nil {
		return path.New(c.Snapshot)
	}
	return c.Map()
}

// Action is one kind of repair.
type Action struct {
	Name string // stable, kebab-case: "patch-service"
	Doc  string // one sentence: what it does
	When string // the precondition, one clause
	// Reach is what it touches at most: its blast radius.
	Reach string
	// Back is how it is taken back.
	Back string
	// Risk is what the action may break when nothing special is known of the object.
	Risk model.Risk
	// ByHand: gatemend shows what to do and never does it, since it reaches beyond the failing route.
	ByHand bool
	// Candidates lists repairs of the finding, the best first. None: the action does not fit. It
	// never reports an error: what it cannot read, it cannot repair.
	Candidates func(Case) []model.Remedy
}

// All lists the actions.
func All() []Action {
	return []Action{
		PatchService(), PatchIngress(), PatchHTTPRoute(), PatchGatewayListener(), AddReferenceGrant(), PatchNetworkPolicy(), CreateService(),
		Scale(), PatchProbe(), Resize(), PatchLifecycle(), PatchStrategy(), Rollback(), Restart(), Quarantine(), StopExperiment(),
		UncordonOrDrain(), RestartGateway(),
	}
}

// Named finds an action by its name.
func Named(name string) (Action, bool) {
	all := All()
	i := slices.IndexFunc(all, func(a Action) bool { return a.Name == name })
	if i < 0 {
		return Action{}, false
	}
	return all[i], true
}

// Candidates lists what the actions that the catalogue names for a cause offer for a case, in the
// catalogue's order, which is that in which equally small candidates are tried.
func Candidates(c Case) []model.Remedy {
	var all []model.Remedy
	cause, _ := catalogue.Lookup(c.Finding.ID)
	for _, name := range cause.Actions {
		a, ok := Named(name)
		if !ok {
			continue // the catalogue's own test says that there is none such
		}
		for _, r := range a.Candidates(c) {
			r.Touches = a.Reach
			if a.ByHand {
				r.Machine = model.MachineAdvise
			}
			all = append(all, r)
		}
	}
	return all
}
