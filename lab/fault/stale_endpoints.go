package fault

import (
	"context"
	"errors"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/lab/gateway/contour"
	"github.com/gatemend/gatemend/lab/manifest"
)

// staleEndpoints lets Envoy's control plane hang, which no object shows, and replaces the pods behind it: Envoy
// goes on with the addresses that it was told last.
func staleEndpoints() Race {
	same := func(*appsv1.Deployment) {}
	return Race{
		Name: "stale-endpoints", Title: "new pods while Envoy's control plane hangs",
		Role: manifest.Cart, Route: manifest.Host(manifest.Cart), Gateway: "envoy", WantObject: "Deployment projectcontour/envoy",
		Prepare: prepared(manifest.Cart, same),
		Run: func(ctx context.Context, p Place, number int) error {
			id, err := p.control(ctx)
			if err != nil {
				return err
			}
			if err := p.Cluster.Freeze(ctx, 1, id); err != nil {
				return err //nolint:wrapcheck // it names the container
			}
			if err := p.roll(ctx, manifest.Cart, same, number); err != nil {
				return err
			}
			return pause(ctx, 14*time.Second) // a proxy that follows would have long done so
		},
		After: func(ctx context.Context, p Place) error {
			id, err := p.control(ctx)
			if err != nil {
				return err
			}
			return p.Cluster.Thaw(ctx, 1, id) //nolint:wrapcheck // it names the container
		},
	}
}

// control is the container of the control plane. It is on the first node, as all of the gateways are.
func (p Place) control(ctx context.Context) (id string, err error) {
	pods, err := p.Client.Kube.CoreV1().Pods(contour.Namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=" + contour.Ingress().Control})
	if err != nil {
		return "", err //nolint:wrapcheck // it names the resource
	}
	for i := range pods.Items {
		if st := pods.Items[i].Status; st.Phase == corev1.PodRunning && len(st.ContainerStatuses) == 1 {
			return st.ContainerStatuses[0].ContainerID, nil
		}
	}
	return "", errors.New("the control plane does not run")
}
