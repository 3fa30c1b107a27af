package fault

import (
	"context"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/lab/gateway/contour"
	"github.com/gatemend/gatemend/lab/manifest"
)

// staleEndpoints takes Envoy's control plane away and replaces the pods behind it: Envoy goes on with the
// addresses that it was told last.
func staleEndpoints() Race {
	control := contour.Ingress().Control
	same := func(*appsv1.Deployment) {}
	return Race{
		Name: "stale-endpoints", Title: "new pods while Envoy has lost its control plane",
		Role: manifest.Cart, Route: manifest.Host(manifest.Cart), Gateway: "envoy", WantObject: "Deployment projectcontour/envoy",
		Prepare: prepared(manifest.Cart, same),
		Run: func(ctx context.Context, p Place, number int) error {
			if err := p.scale(ctx, contour.Namespace, control, 0); err != nil {
				return err
			}
			if err := p.roll(ctx, manifest.Cart, same, number); err != nil {
				return err
			}
			return pause(ctx, 14*time.Second) // a proxy that follows would have long done so
		},
		After: func(ctx context.Context, p Place) error {
			if err := p.scale(ctx, contour.Namespace, control, 1); err != nil {
				return err
			}
			return p.Client.RolledOut(ctx, contour.Namespace, control)
		},
	}
}

// scale sets a Deployment's replicas and waits until that many, and no more, are there.
func (p Place) scale(ctx context.Context, namespace, name string, replicas int32) error {
	deployments := p.Client.Kube.AppsV1().Deployments(namespace)
	now, err := deployments.GetScale(ctx, name, metav1.GetOptions{})
	if err != nil {
		return err //nolint:wrapcheck // it names the object
	}
	now.Spec.Replicas = replicas
	if _, err := deployments.UpdateScale(ctx, name, now, metav1.UpdateOptions{FieldManager: manifest.Owner}); err != nil {
		return err //nolint:wrapcheck // it names the object
	}
	return p.Client.RolledOut(ctx, namespace, name)
}
