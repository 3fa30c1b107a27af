package controller

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/gatemend/gatemend/api/v1alpha1"
	"github.com/gatemend/gatemend/internal/guardrail"
)

// inForce are the policies that hold now. It is safe for use by several goroutines.
type inForce struct {
	mu     sync.Mutex
	set    *guardrail.Set // nil: there are no policies
	broken string         // names policies of which no version can be read; empty: none
	known  bool           // whether they were read at all
}

// rules are the policies at one moment.
type rules struct {
	set *guardrail.Set
	// broken says why nothing may be done unattended: what a policy forbids that cannot be read is not known.
	broken string
}

func (f *inForce) now() rules {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.known {
		return rules{broken: "policies were not read yet"}
	}
	return rules{f.set, f.broken}
}

func (f *inForce) hold(set *guardrail.Set, broken string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.set, f.broken, f.known = set, broken, true
}

// policyReconciler takes policies in when they change. Of one that cannot be read the last version that could holds.
type policyReconciler struct {
	client  client.Client
	force   *inForce
	changed func(context.Context) // somebody who waits for a decision may get another one
}

// Reconcile looks at all policies: what holds is said by all of them together.
func (r *policyReconciler) Reconcile(ctx context.Context, _ reconcile.Request) (reconcile.Result, error) {
	var list v1alpha1.RemediationPolicyList
	if err := r.client.List(ctx, &list); err != nil {
		return reconcile.Result{}, fmt.Errorf("read policies: %w", err)
	}
	slices.SortFunc(list.Items, func(a, b v1alpha1.RemediationPolicy) int { return strings.Compare(a.Name, b.Name) })
	var good []v1alpha1.RemediationPolicy
	var broken []string
	for i := range list.Items {
		p := &list.Items[i]
		holds, status := judged(*p)
		if holds == nil {
			broken = append(broken, p.Name)
		} else {
			good = append(good, *holds)
		}
		if err := r.write(ctx, p, status); err != nil {
			return reconcile.Result{}, err
		}
	}
	if err := r.take(good, broken); err != nil {
		return reconcile.Result{}, err
	}
	r.changed(ctx)
	return reconcile.Result{}, nil
}

func (r *policyReconciler) take(good []v1alpha1.RemediationPolicy, broken []string) error {
	why := ""
	if len(broken) > 0 {
		why = "what it forbids is not known, since it cannot be read: RemediationPolicy " + strings.Join(broken, ", ")
	}
	if len(good)+len(broken) == 0 {
		r.force.hold(nil, "")
		return nil
	}
	set, err := guardrail.Compile(good...)
	if err != nil {
		return fmt.Errorf("compile policies: %w", err)
	}
	r.force.hold(&set, why)
	return nil
}

// judged says which version of a policy holds, nil for none, and what its status should be.
func judged(p v1alpha1.RemediationPolicy) (*v1alpha1.RemediationPolicy, v1alpha1.RemediationPolicyStatus) {
	status := *p.Status.DeepCopy()
	status.ObservedGeneration = p.Generation
	ready := metav1.Condition{Type: v1alpha1.ConditionReady, ObservedGeneration: p.Generation}
	holds := &p
	if _, err := guardrail.Compile(p); err == nil {
		ready.Status, ready.Reason, ready.Message = metav1.ConditionTrue, "InForce", "it holds as it is written"
		status.InForce = &v1alpha1.PolicyVersion{Generation: p.Generation, Spec: *p.Spec.DeepCopy()}
	} else {
		ready.Status, ready.Reason, ready.Message = metav1.ConditionFalse, "Invalid", clip(err.Error())
		if holds = lastGood(p); holds != nil {
			ready.Message = clip(fmt.Sprintf("generation %d holds until this is mended: %v", status.InForce.Generation, err))
		}
	}
	meta.SetStatusCondition(&status.Conditions, ready)
	return holds, status
}

// lastGood is the version that could be read last; nil: none could, or this program reads it otherwise than the one that
// kept it.
func lastGood(p v1alpha1.RemediationPolicy) *v1alpha1.RemediationPolicy {
	if p.Status.InForce == nil {
		return nil
	}
	old := p
	old.Spec = p.Status.InForce.Spec
	if _, err := guardrail.Compile(old); err != nil {
		return nil
	}
	return &old
}

func (r *policyReconciler) write(ctx context.Context, p *v1alpha1.RemediationPolicy, status v1alpha1.RemediationPolicyStatus) error {
	was := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionReady)
	is := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady)
	if was != nil && was.Status == is.Status && was.Message == is.Message && p.Status.ObservedGeneration == p.Generation {
		return nil
	}
	p = p.DeepCopy()
	p.Status = status
	err := r.client.Status().Update(ctx, p)
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return nil // its next version is looked at anyhow
	}
	if err != nil {
		return fmt.Errorf("write the status of RemediationPolicy %s: %w", p.Name, err)
	}
	return nil
}
