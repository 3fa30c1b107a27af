package remedy

import (
	"fmt"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// PatchIngress corrects an Ingress: a backend's Service or port, or an annotation.
func PatchIngress() Action {
	return Action{
		Name:  "patch-ingress",
		Doc:   "Sets the backend Service or port of an Ingress, or one of its controller's annotations.",
		When:  "the backend, port or annotation of an Ingress is what is wrong, and the right value is known",
		Reach: "the routes of that Ingress",
		Back:  "the former value is set again",
		Risk:  model.RiskLow,
		Candidates: func(c Case) []model.Remedy {
			if c.Finding.Object.Kind != string(snapshot.Ingresses) {
				return nil
			}
			return patchRoute(c, "patch-ingress")
		},
	}
}

// patchRoute sets the field of a route that the finding names to the value that it wants.
func patchRoute(c Case, action string) []model.Remedy {
	want, ok := wanted(c.Finding)
	if !ok {
		return nil
	}
	reason := "it is what makes the rule work"
	switch {
	case c.Finding.ID == "service-port-missing":
		reason = "the Service has it"
	case c.Finding.ID == "service-missing":
		reason = "a Service of nearly this name exists in the namespace"
	case strings.HasPrefix(c.Finding.Object.Field, "metadata.annotations"):
		reason = "the controller reads it from this annotation"
	}
	path, err := tokens(c.Finding.Object.Field)
	if err != nil {
		return nil
	}
	if other := otherPortForm(path, want); other != nil {
		return swapPort(c, action, path, other, want, reason)
	}
	return oneField(c, action, model.RiskLow, want, reason)
}

// otherPortForm gives the sibling field when an Ingress names a port by number and is to name it by
// name, or the other way round: the API takes exactly one of the two.
func otherPortForm(path []string, want any) []string {
	n := len(path)
	if n < 2 || path[n-2] != "port" {
		return nil
	}
	_, isName := want.(string)
	switch {
	case path[n-1] == "number" && isName:
		return below(path[:n-1], "name")
	case path[n-1] == "name" && !isName:
		return below(path[:n-1], "number")
	default:
		return nil
	}
}

func swapPort(c Case, action string, from, to []string, want any, reason string) []model.Remedy {
	o, t, ok := object(c.Snapshot, c.Finding.Object.Ref)
	if !ok {
		return nil
	}
	removed, ok1 := set(t, from, nil)
	added, ok2 := set(t, to, want)
	if !ok1 || !ok2 {
		return nil
	}
	return []model.Remedy{finish(c, model.Remedy{
		Action: action, Risk: model.RiskLow, Why: reason,
		Changes: []model.Change{patchOf(o, removed, added)},
		Summary: fmt.Sprintf("backend port %s -> %s on %s", plain(removed.Old), plain(added.New), snapshot.RefOf(o)),
	})}
}
