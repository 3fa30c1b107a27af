package model

import "time"

// OwnManager is the field manager under which the API server records what gatemend wrote.
const OwnManager = "gatemend"

// ReaderRole is the ClusterRole with all rights that looking needs (config/rbac/reader.yaml).
const ReaderRole = "gatemend-reader"

// Tool is what keeps objects as a source of its own says. Policies name tools by these ids.
type Tool string

// The tools that gatemend knows.
const (
	ToolArgoCD     Tool = "argo-cd"
	ToolFlux       Tool = "flux"
	ToolHelm       Tool = "helm"
	ToolKustomize  Tool = "kustomize"
	ToolOperator   Tool = "operator"   // a controller of custom resources, by ownerReferences
	ToolAutoscaler Tool = "autoscaler" // HorizontalPodAutoscaler
	ToolKEDA       Tool = "keda"       // a ScaledObject, through the HorizontalPodAutoscaler that it keeps
	ToolVPA        Tool = "vpa"        // VerticalPodAutoscaler
)

// Owner is who keeps an object, or fields of it, as its own source says: what is edited in place there is
// taken back, or fought over.
type Owner struct {
	Tool Tool `json:"tool"`
	// Name is what the tool calls its source: an application, a release, a resource.
	Name string `json:"name"`
	// Namespace is where that source is, if it is an object in a namespace.
	Namespace string `json:"namespace,omitempty"`
	Object    Ref    `json:"object"`
	// Field is the field that it owns, as a JSON pointer; empty: the object as a whole.
	Field string `json:"field,omitempty"`
	// Because is the mark by which it is known.
	Because string `json:"because"`
	// Source is where its source is, as far as the object says: a file or folder of a repository.
	Source string `json:"source,omitempty"`
}

// String reads "Argo CD (application shop)".
func (o Owner) String() string {
	where := o.Name
	if o.Namespace != "" {
		where = o.Namespace + "/" + o.Name
	}
	switch o.Tool {
	case ToolArgoCD:
		return "Argo CD (application " + where + ")"
	case ToolFlux:
		return "Flux (" + where + ")"
	case ToolHelm:
		return "Helm (release " + where + ")"
	case ToolKustomize:
		if o.Name == "" {
			return "Kustomize"
		}
		return "Kustomize (" + where + ")"
	case ToolKEDA:
		return "KEDA (ScaledObject " + where + ")"
	case ToolAutoscaler:
		return "HorizontalPodAutoscaler " + where
	case ToolVPA:
		return "VerticalPodAutoscaler"
	default:
		return where
	}
}

// FieldManager is who wrote a field last, as metadata.managedFields records it.
type FieldManager struct {
	Object  Ref       `json:"object"`
	Field   string    `json:"field"` // JSON pointer
	Manager string    `json:"manager"`
	At      time.Time `json:"at,omitzero"`
}

// Proposal is a change for the source of an object that somebody else keeps: what a person puts there.
type Proposal struct {
	Owner Owner `json:"owner"`
	// Do says what to do, step by step, for this owner.
	Do []string `json:"do"`
	// StrategicMerge is the change as a strategic merge patch, YAML; for custom resources a JSON merge patch.
	StrategicMerge string `json:"strategicMerge,omitempty"`
	// Kustomization is the same as a patch in a kustomization.yaml.
	Kustomization string `json:"kustomization,omitempty"`
	// HelmValues is what a chart made by 'helm create' takes, where it has a value for the field.
	HelmValues string `json:"helmValues,omitempty"`
	// Git is the change of a file in a clone of the source, if one was named.
	Git *GitChange `json:"git,omitempty"`
}

// GitChange is a commit on a branch of its own in a clone of an owner's source.
type GitChange struct {
	Dir    string   `json:"dir"`
	Branch string   `json:"branch,omitempty"`
	Commit string   `json:"commit,omitempty"`
	Files  []string `json:"files,omitempty"`
	Diff   string   `json:"diff,omitempty"`
	// Because is why there is no commit.
	Because string `json:"because,omitempty"`
}
