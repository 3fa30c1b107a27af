package fault

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/lab/manifest"
)

// secondNode is the one that goes: the first one carries the control plane and the gateways.
const secondNode = 2

// nodeGone switches a node off and deletes it, as a cluster autoscaler does that does not drain. One of two
// pods was on it.
func nodeGone() Race {
	spread := func(d *appsv1.Deployment) {
		d.Spec.Template.Spec.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{{
			MaxSkew: 1, TopologyKey: corev1.LabelHostname, WhenUnsatisfiable: corev1.DoNotSchedule,
			LabelSelector:  &metav1.LabelSelector{MatchLabels: manifest.Labels(manifest.Cart)},
			MatchLabelKeys: []string{appsv1.DefaultDeploymentUniqueLabelKey}, // pods of the revision before do not count
		}}
	}
	return Race{
		Name: "node-termination-race", Title: "a node is switched off and deleted, its pods are still endpoints",
		Role: manifest.Cart, Route: manifest.Host(manifest.Cart), Gateway: "envoy", WantObject: fmt.Sprint("Node node", secondNode),
		Alone: true,
		Prepare: func(ctx context.Context, p Place) error {
			if err := p.Cordon(ctx, false); err != nil {
				return err
			}
			return p.roll(ctx, manifest.Cart, spread, 0)
		},
		Run: func(ctx context.Context, p Place, number int) error {
			// The pod that was on the node is made anew on the other one: spread them again.
			if err := p.roll(ctx, manifest.Cart, spread, number); err != nil {
				return err
			}
			if err := p.quiet(ctx, manifest.Cart); err != nil {
				return err
			}
			if err := p.Cluster.Cut(ctx, secondNode); err != nil {
				return err //nolint:wrapcheck // it names the node
			}
			err := p.Client.Kube.CoreV1().Nodes().Delete(ctx, nodeName(), metav1.DeleteOptions{})
			if err != nil && !apierrors.IsNotFound(err) {
				return fmt.Errorf("delete node: %w", err)
			}
			return pause(ctx, 8*time.Second)
		},
		After: func(ctx context.Context, p Place) error {
			if err := p.Cluster.Join(ctx, secondNode); err != nil {
				return err //nolint:wrapcheck // it names the node
			}
			return p.Client.RolledOut(ctx, manifest.Namespace, manifest.Cart)
		},
	}
}

// quiet waits until the pods of earlier revisions are gone and the new ones are endpoints. Each change of a pod makes
// the EndpointSlices anew, within seconds, and those leave out pods whose Node is gone (kubernetes/kubernetes,
// staging/src/k8s.io/endpointslice/reconciler.go): the race would be over by chance.
func (p Place) quiet(ctx context.Context, role string) error {
	d := manifest.Deployment(role)
	err := manifest.Until(ctx, "the pods of earlier revisions to go", func(ctx context.Context) (string, error) {
		pods, err := p.Client.Pods(ctx, d)
		if err != nil || len(pods) == int(*d.Spec.Replicas) {
			return "", err
		}
		return fmt.Sprintf("%d pods, %d wanted", len(pods), *d.Spec.Replicas), nil
	})
	if err != nil {
		return err //nolint:wrapcheck // it says what it waits for
	}
	if err := p.Client.Endpoints(ctx, role, int(*d.Spec.Replicas)); err != nil {
		return err //nolint:wrapcheck // as above
	}
	return pause(ctx, 3*time.Second)
}

func nodeName() string { return fmt.Sprint("node", secondNode) }

// Cordon lets no new pods onto the second node, or lets them again.
func (p Place) Cordon(ctx context.Context, on bool) error {
	n, err := p.Client.Kube.CoreV1().Nodes().Get(ctx, nodeName(), metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("find node: %w", err)
	}
	n.Spec.Unschedulable = on
	if _, err := p.Client.Kube.CoreV1().Nodes().Update(ctx, n, metav1.UpdateOptions{}); err != nil {
		return fmt.Errorf("cordon node: %w", err)
	}
	return nil
}
