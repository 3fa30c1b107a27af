package act

import (
	"context"
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Rollout is how far a workload's controller has come.
type Rollout struct {
	Object    model.Ref
	Want      int32  // pods that there should be
	Updated   int32  // pods of the newest revision
	Available int32  // pods that have been ready for minReadySeconds
	Old       int32  // pods of former revisions and pods that are ending
	Done      bool   //
	Waiting   string // what is missing; empty when Done
}

// String reads "2 of 3 pods updated, 3 available, 1 old: pods of former revisions are still ending".
func (r Rollout) String() string {
	text := fmt.Sprintf("%d of %d pods updated, %d available, %d old", r.Updated, r.Want, r.Available, r.Old)
	if r.Waiting != "" {
		text += ": " + r.Waiting
	}
	return text
}

// StuckError says that a rollout cannot end well without a change.
type StuckError struct {
	Rollout Rollout
	Pod     string // the pod that shows it, if one does
	Because string
}

// Error says why.
func (e *StuckError) Error() string {
	if e.Pod != "" {
		return fmt.Sprintf("the rollout of %s is stuck: pod %s: %s", e.Rollout.Object, e.Pod, e.Because)
	}
	return fmt.Sprintf("the rollout of %s is stuck: %s", e.Rollout.Object, e.Because)
}

// rolloutPoll is how often a rollout is looked at. Looking costs three small calls, so that a watch
// would not be worth its reconnects.
const rolloutPoll = 500 * time.Millisecond

// refusals is how many looks in a row must be refused before that is taken for a lacking right: a minute's.
const refusals = int(time.Minute / rolloutPoll)

// WaitRollout waits until the newest revision of a Deployment or StatefulSet has all its pods, all are available, and the
// pods of former revisions have gone; of an Argo Rollout, until its controller calls the newest revision healthy and stable,
// which may leave pods of former ones for a while; of a pod, until its containers have the limits that its spec asks for.
// An API server that has just begun refuses everybody until it has read who may do what: a refusal stands after a minute.
// progress, which may be nil, is called whenever something has changed. The error is a [*StuckError] as soon as it is plain that waiting
// does not help; otherwise waiting ends with the context.
func (a *Actor) WaitRollout(ctx context.Context, ref model.Ref, progress func(Rollout)) error {
	tick := time.NewTicker(rolloutPoll)
	defer tick.Stop()
	var last Rollout
	refused := 0 // looks in a row
	for {
		now, err := a.look(ctx, ref)
		if refused++; !refusal(err) {
			refused = 0
		}
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return fmt.Errorf("wait for rollout of %s (%s): %w", ref, last, context.Cause(ctx))
		case temporary(err), refused > 0 && refused <= refusals:
			now = last // the API server hiccups: the next look decides
		default:
			return fmt.Errorf("wait for rollout of %s: %w", ref, err)
		}
		if now != last && progress != nil {
			progress(now)
		}
		if last = now; now.Done {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for rollout of %s (%s): %w", ref, last, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// refusal reports whether the API server says that one may not look, or that it does not know who asks.
func refusal(err error) bool { return apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) }

// temporary reports whether asking again may get an answer.
func temporary(err error) bool {
	if _, ok := errors.AsType[*StuckError](err); ok {
		return false
	}
	status, ok := errors.AsType[*apierrors.StatusError](err)
	if !ok {
		return !errors.Is(err, errNoRollout)
	}
	return status.ErrStatus.Code >= 500 || status.ErrStatus.Code == 429
}

// errNoRollout means that a kind of object has no rollout that can be waited for.
var errNoRollout = errors.New("only Deployments, StatefulSets and Rollouts roll out, and only pods are resized")

// look reads a workload with its pods and judges them.
func (a *Actor) look(ctx context.Context, ref model.Ref) (Rollout, error) {
	switch snapshot.Kind(ref.Kind) {
	case snapshot.Deployments:
		d, err := a.kube.AppsV1().Deployments(ref.Namespace).Get(ctx, ref.Name, metav1.GetOptions{})
		if err != nil {
			return Rollout{}, err
		}
		sets, err := a.kube.AppsV1().ReplicaSets(ref.Namespace).List(ctx, matching(d.Spec.Selector))
		if err != nil {
			return Rollout{}, err
		}
		pods, err := a.kube.CoreV1().Pods(ref.Namespace).List(ctx, matching(d.Spec.Selector))
		if err != nil {
			return Rollout{}, err
		}
		return judgeDeployment(ref, d, sets.Items, pods.Items)
	case snapshot.StatefulSets:
		s, err := a.kube.AppsV1().StatefulSets(ref.Namespace).Get(ctx, ref.Name, metav1.GetOptions{})
		if err != nil {
			return Rollout{}, err
		}
		pods, err := a.kube.CoreV1().Pods(ref.Namespace).List(ctx, matching(s.Spec.Selector))
		if err != nil {
			return Rollout{}, err
		}
		return judgeStatefulSet(ref, s, pods.Items)
	case snapshot.Pods:
		p, err := a.kube.CoreV1().Pods(ref.Namespace).Get(ctx, ref.Name, metav1.GetOptions{})
		if err != nil {
			return Rollout{}, err
		}
		return judgeResize(ref, p)
	case "Rollout":
		return a.lookAtArgo(ctx, ref)
	default:
		return Rollout{}, errNoRollout
	}
}

func matching(selector *metav1.LabelSelector) metav1.ListOptions {
	s, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		s = labels.Nothing() // the API server does not store such a selector
	}
	return metav1.ListOptions{LabelSelector: s.String()}
}

// judgeDeployment says how far a Deployment has come.
func judgeDeployment(ref model.Ref, d *appsv1.Deployment, sets []appsv1.ReplicaSet, pods []corev1.Pod) (Rollout, error) {
	r := Rollout{Object: ref, Want: snapshot.Replicas(d.Spec.Replicas), Updated: d.Status.UpdatedReplicas, Available: d.Status.AvailableReplicas}
	if d.Status.ObservedGeneration < d.Generation {
		r.Waiting = "the Deployment controller has not seen the change yet"
		return r, nil
	}
	if d.Spec.Paused {
		return r, &StuckError{Rollout: r, Because: "the Deployment is paused"}
	}
	newest := newestOf(d, sets)
	r.Old = countOld(pods, sets, d, newest)
	for _, c := range d.Status.Conditions {
		if c.Type == appsv1.DeploymentProgressing && c.Reason == "ProgressDeadlineExceeded" {
			return r, stuckAt(r, pods, newest, c.Message)
		}
	}
	if why := refusedPods(newest); why != "" && r.Updated == 0 && r.Want > 0 {
		return r, &StuckError{Rollout: r, Because: why}
	}
	for i := range pods {
		if why := cannotStart(&pods[i]); why != "" && ownedBy(&pods[i], newest) {
			return r, &StuckError{Rollout: r, Pod: pods[i].Name, Because: why}
		}
	}
	return r.settle(d.Status.Replicas), nil
}

// settle completes a rollout whose controller has caught up.
func (r Rollout) settle(total int32) Rollout {
	switch {
	case r.Updated < r.Want:
		r.Waiting = "pods of the newest revision are not all there"
	case r.Available < r.Want:
		r.Waiting = "pods of the newest revision are not all available"
	case r.Old > 0 || total > r.Updated:
		r.Waiting = "pods of former revisions are still ending"
	default:
		r.Done = true
	}
	return r
}

// judgeStatefulSet says how far a StatefulSet has come.
func judgeStatefulSet(ref model.Ref, s *appsv1.StatefulSet, pods []corev1.Pod) (Rollout, error) {
	r := Rollout{Object: ref, Want: snapshot.Replicas(s.Spec.Replicas), Updated: s.Status.UpdatedReplicas, Available: s.Status.AvailableReplicas}
	if s.Status.ObservedGeneration < s.Generation {
		r.Waiting = "the StatefulSet controller has not seen the change yet"
		return r, nil
	}
	var keep int32 // pods that the partition leaves at a former revision
	if u := s.Spec.UpdateStrategy.RollingUpdate; u != nil && u.Partition != nil {
		keep = min(*u.Partition, r.Want)
	}
	outdated := s.Status.CurrentRevision != s.Status.UpdateRevision && s.Status.UpdatedReplicas < r.Want-keep
	if s.Spec.UpdateStrategy.Type == appsv1.OnDeleteStatefulSetStrategyType && outdated {
		return r, &StuckError{Rollout: r, Because: "its update strategy is OnDelete: pods are replaced only when somebody deletes them"}
	}
	for i := range pods {
		p := &pods[i]
		if !metav1.IsControlledBy(p, s) {
			continue
		}
		if p.DeletionTimestamp != nil {
			r.Old++
			continue
		}
		// A StatefulSet replaces no pod while another is not ready, so a broken pod of a former
		// revision stops the rollout just as one of the newest does:
		// https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#forced-rollback
		if why := cannotStart(p); why != "" {
			if p.Labels[appsv1.ControllerRevisionHashLabelKey] != s.Status.UpdateRevision {
				why += "; it is of a former revision, which a StatefulSet does not replace while it is not ready"
			}
			return r, &StuckError{Rollout: r, Pod: p.Name, Because: why}
		}
	}
	done := r
	done.Updated += keep
	done = done.settle(s.Status.Replicas)
	done.Updated = r.Updated
	return done, nil
}
