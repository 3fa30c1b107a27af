package remedy

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Case is what a repair is made from.
type Case struct {
	Finding  model.Finding
	Snapshot *snapshot.Snapshot
	// Deleted are objects that existed a short while ago, the one deleted last at the end.
	Deleted []metav1.Object
}

// Action is one kind of repair.
type Action struct {
	Name string // stable, kebab-case: "patch-service"
	Doc  string // one sentence
	// Risk is what the action may break when nothing special is known of the object.
	Risk model.Risk
	// Candidates lists repairs of the finding, the best first. None: the action does not fit. It
	// never reports an error: what it cannot read, it cannot repair.
	Candidates func(Case) []model.Remedy
}

// All lists the actions. The order is that in which equally small candidates are tried.
func All() []Action {
	return []Action{
		PatchService(), PatchIngress(), PatchHTTPRoute(), CreateService(), Scale(),
		PatchProbe(), Resize(), PatchLifecycle(), Rollback(), Restart(),
	}
}

// Candidates lists what all actions offer for a case, in the order of [All].
func Candidates(c Case) []model.Remedy {
	var all []model.Remedy
	for _, a := range All() {
		all = append(all, a.Candidates(c)...)
	}
	return all
}
