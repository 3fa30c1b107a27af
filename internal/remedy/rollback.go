package remedy

import (
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/gatemend/gatemend/internal/catalogue"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

const rollbackName = "rollback"

// Rollback takes a Deployment, or one of Argo's Rollouts, back to its last revision that worked.
func Rollback() Action {
	return Action{
		Name: rollbackName,
		Doc: "Takes a Deployment or an Argo Rollout back to the pod template of its last revision that worked. Of a Rollout with a workloadRef " +
			"the Deployment is changed that it names.",
		When: "the present revision does not work, and the one before is known to have worked; a Rollout's controller must go there at once, " +
			"without the steps, pauses and analyses of its strategy, and have none on the way back either unless it calls that revision stable",
		Reach:      "all pods of the workload are replaced, step by step as its strategy says",
		Back:       "the broken template is set again, which a Rollout's controller brings with all steps of its strategy",
		Risk:       model.RiskMedium,
		Candidates: rollback,
	}
}

// rolledBack is the workload that a rollback is of.
func rolledBack(c Case) model.Ref {
	workload := c.Finding.Object.Ref
	if w, ok := c.Finding.Related["workload"]; ok && workload.Kind != string(snapshot.Deployments) {
		return w
	}
	return workload
}

func rollback(c Case) []model.Remedy {
	workload := rolledBack(c)
	if workload.Kind == "Rollout" {
		return rollbackRollout(c, workload)
	}
	d, presence := c.Snapshot.Deployments().Get(workload.Namespace, workload.Name)
	if workload.Kind != string(snapshot.Deployments) || presence != snapshot.Present || goodTemplate(c) == nil {
		return nil
	}
	fields := TemplateDiff(d, c.revision())
	if len(fields) == 0 {
		return nil
	}
	ref, revision := snapshot.RefOf(d), snapshot.Revision(c.revision())
	r := backTo(c, ref, revision, patchOf(d, fields...))
	if revision != 0 { // else only the patch says what is meant
		r.Kubectl = fmt.Sprintf("kubectl rollout undo %s%s --to-revision=%d", model.ShellWord(ref.Resource()), namespaceFlag(ref), revision)
	}
	return []model.Remedy{finish(c, r)}
}

// backTo is the remedy whose change takes a workload back to a revision; 0: its number is not known.
func backTo(c Case, workload model.Ref, revision int64, change model.Change) model.Remedy {
	r := model.Remedy{
		Action: rollbackName, Risk: model.RiskMedium, Machine: model.MachineFix,
		Why:     fmt.Sprintf("%s is the last revision whose pods were ready", c.Finding.Related["goodRevision"]),
		Changes: []model.Change{change},
		Summary: fmt.Sprintf("%s back to revision %d: %s", workload, revision, fieldNames(change.Fields)),
	}
	if catalogue.FamilyOf(c.Finding.ID) == "proxy-control-plane" || c.isGateway(workload) { // not an application that fails anyway
		r.Machine = model.MachinePropose
	}
	if revision == 0 {
		r.Summary = fmt.Sprintf("%s back to its former revision: %s", workload, fieldNames(change.Fields))
	}
	return r
}

// isGateway reports whether a workload is a gateway, or what controls one, whatever the cause is called: behind another gateway
// it is a backend as well.
func (c Case) isGateway(workload model.Ref) bool {
	return slices.ContainsFunc(c.paths().AllFleets(), func(f path.Fleet) bool { return f.Object.Same(workload) })
}

// revision is the ReplicaSet of the last good revision; goodTemplate has found it.
func (c Case) revision() *appsv1.ReplicaSet {
	ref := c.Finding.Related["goodRevision"]
	rs, _ := c.Snapshot.ReplicaSets().Get(ref.Namespace, ref.Name)
	return rs
}

// TemplateDiff lists the field changes that give a Deployment the pod template of one of its
// ReplicaSets. The label that the Deployment controller adds to every ReplicaSet is left out.
func TemplateDiff(d *appsv1.Deployment, rs *appsv1.ReplicaSet) []model.FieldChange {
	good := rs.Spec.Template.DeepCopy()
	delete(good.Labels, appsv1.DefaultDeploymentUniqueLabelKey)
	have, err1 := tree(&d.Spec.Template)
	want, err2 := tree(good)
	if err1 != nil || err2 != nil {
		return nil
	}
	fields := compare([]string{"spec", "template"}, have, want)
	// A rollout that was only asked for again is no difference worth a rollback.
	return slices.DeleteFunc(fields, func(f model.FieldChange) bool {
		return f.Path == "/spec/template/metadata/creationTimestamp" ||
			f.Path == "/spec/template/metadata/annotations/"+"kubectl.kubernetes.io~1restartedAt"
	})
}

// fieldNames says in short what changes: at most three fields by their paths below the template.
func fieldNames(fields []model.FieldChange) string {
	const most = 3
	out := ""
	for i, f := range fields {
		if i == most {
			return out + fmt.Sprintf(" and %d more", len(fields)-most)
		}
		if i > 0 {
			out += ", "
		}
		name := f.Path
		if len(name) > len("/spec/template") {
			name = name[len("/spec/template"):]
		}
		out += name
	}
	return out
}
