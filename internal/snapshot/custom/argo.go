package custom

import (
	"cmp"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Rollout is Argo's (argoproj/argo-rollouts, pkg/apis/rollouts/v1alpha1/types.go): it makes ReplicaSets as a Deployment
// does, and shifts requests from one to the next step by step.
type Rollout struct {
	Meta `json:",inline"`
	Spec struct {
		Replicas                *int32                 `json:"replicas"`
		Selector                *metav1.LabelSelector  `json:"selector"`
		Template                corev1.PodTemplateSpec `json:"template"`
		WorkloadRef             *WorkloadRef           `json:"workloadRef"` // to a Deployment with the template, in place of one of its own
		Paused                  bool                   `json:"paused"`
		MinReadySeconds         int32                  `json:"minReadySeconds"`
		ProgressDeadlineSeconds *int32                 `json:"progressDeadlineSeconds"`
		RollbackWindow          struct {
			Revisions int32 `json:"revisions"` // how many revisions ahead one may go back without steps
		} `json:"rollbackWindow"`
		Strategy struct {
			Canary    *Canary    `json:"canary"`
			BlueGreen *BlueGreen `json:"blueGreen"`
		} `json:"strategy"`
	} `json:"spec"`
	Status struct {
		Phase   string `json:"phase"` // Healthy, Progressing, Paused, Degraded
		Message string `json:"message"`
		Abort   bool   `json:"abort"`
		// ObservedGeneration is that of the Rollout itself, as a number in words, and WorkloadObservedGeneration that of the
		// object that lends it its template.
		ObservedGeneration         string `json:"observedGeneration"`
		WorkloadObservedGeneration string `json:"workloadObservedGeneration"`
		StableRS                   string `json:"stableRS"`       // hash of the ReplicaSet to go back to
		CurrentPodHash             string `json:"currentPodHash"` // hash of the newest one
		Replicas                   int32  `json:"replicas"`
		BlueGreen                  struct {
			ActiveSelector string `json:"activeSelector"` // hash of the ReplicaSet to which the active Service leads
		} `json:"blueGreen"`
		ReadyReplicas     int32                        `json:"readyReplicas"`
		UpdatedReplicas   int32                        `json:"updatedReplicas"`
		AvailableReplicas int32                        `json:"availableReplicas"`
		Conditions        []appsv1.DeploymentCondition `json:"conditions"`
	} `json:"status"`
}

// Canary is the strategy that shifts requests step by step. Of steps and analyses no more is read than that there are some.
type Canary struct {
	StableService  string              `json:"stableService"`
	CanaryService  string              `json:"canaryService"`
	MaxUnavailable *intstr.IntOrString `json:"maxUnavailable"`
	MaxSurge       *intstr.IntOrString `json:"maxSurge"`
	Steps          []map[string]any    `json:"steps"`
	Analysis       map[string]any      `json:"analysis"`
	TrafficRouting map[string]any      `json:"trafficRouting"`
}

// BlueGreen is the strategy that moves all requests at once.
type BlueGreen struct {
	ActiveService         string         `json:"activeService"`
	PreviewService        string         `json:"previewService"`
	AutoPromotionEnabled  *bool          `json:"autoPromotionEnabled"` // nil: true
	AutoPromotionSeconds  int32          `json:"autoPromotionSeconds"`
	PrePromotionAnalysis  map[string]any `json:"prePromotionAnalysis"`
	PostPromotionAnalysis map[string]any `json:"postPromotionAnalysis"`
}

// WorkloadRef names the Deployment whose template a Rollout takes.
type WorkloadRef struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Name       string `json:"name"`
}

// RolloutHash is the label by which the pods of a Rollout's revisions, and its Services' selectors, are told apart
// (argoproj/argo-rollouts, DefaultRolloutUniqueLabelKey).
const RolloutHash = "rollouts-pod-template-hash"

// Deployment is the Rollout in the form of a Deployment, so that what is known of these holds for it too. It is still
// named a Rollout.
func (r *Rollout) Deployment() *appsv1.Deployment {
	d := &appsv1.Deployment{TypeMeta: r.TypeMeta, ObjectMeta: r.ObjectMeta}
	d.Spec = appsv1.DeploymentSpec{
		Replicas: r.Spec.Replicas, Selector: r.Spec.Selector, Template: r.Spec.Template, MinReadySeconds: r.Spec.MinReadySeconds,
		Paused: r.Spec.Paused, ProgressDeadlineSeconds: r.Spec.ProgressDeadlineSeconds,
	}
	switch own := r.Spec.Strategy; {
	case own.Canary != nil:
		d.Spec.Strategy.RollingUpdate = &appsv1.RollingUpdateDeployment{MaxUnavailable: own.Canary.MaxUnavailable, MaxSurge: own.Canary.MaxSurge}
	case own.BlueGreen != nil: // pods of the former revision stay until those of the new one serve
		none, all := intstr.FromInt32(0), intstr.FromString("100%")
		d.Spec.Strategy.RollingUpdate = &appsv1.RollingUpdateDeployment{MaxUnavailable: &none, MaxSurge: &all}
	}
	d.Status = appsv1.DeploymentStatus{
		Replicas: r.Status.Replicas, ReadyReplicas: r.Status.ReadyReplicas, UpdatedReplicas: r.Status.UpdatedReplicas,
		AvailableReplicas: r.Status.AvailableReplicas, Conditions: r.Status.Conditions,
	}
	return d
}

// KeepsOld reports whether pods of a former revision stay until requests have gone over to those of the new one: the
// controller then makes all new pods beside them (argoproj/argo-rollouts, rollout/bluegreen.go; utils/replicaset/canary.go,
// CalculateReplicaCountsForTrafficRoutedCanary).
func (r *Rollout) KeepsOld() bool {
	s := r.Spec.Strategy
	return s.BlueGreen != nil || s.Canary != nil && s.Canary.TrafficRouting != nil
}

// Role says for what a Rollout uses a Service: stable, canary, active or preview; empty if it is none of its own.
func (r *Rollout) Role(service string) string {
	s := r.Spec.Strategy
	switch {
	case service == "":
		return ""
	case s.Canary != nil && s.Canary.StableService == service:
		return "stable"
	case s.Canary != nil && s.Canary.CanaryService == service:
		return "canary"
	case s.BlueGreen != nil && s.BlueGreen.ActiveService == service:
		return "active"
	case s.BlueGreen != nil && s.BlueGreen.PreviewService == service:
		return "preview"
	default:
		return ""
	}
}

// Hash is that of the revision to which a Service of the Rollout is to lead: the newest one for canary and preview, else
// the one that is known to be good.
func (r *Rollout) Hash(role string) string {
	if role == "canary" || role == "preview" {
		if r.Status.Abort { // nobody is to meet the new revision any more
			return cmp.Or(r.Status.StableRS, r.Status.CurrentPodHash)
		}
		return r.Status.CurrentPodHash
	}
	return r.Status.StableRS
}
