package manifest

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
)

// Until looks again and again until check is content, ctx ends, or check fails with an error other than a
// missing object. The reason that check gave last is part of the error.
func Until(ctx context.Context, what string, check func(context.Context) (reason string, err error)) error {
	tick := time.NewTicker(150 * time.Millisecond)
	defer tick.Stop()
	for {
		reason, err := check(ctx)
		switch {
		case err == nil && reason == "":
			return nil
		case apierrors.IsNotFound(err):
			reason = err.Error()
		case err != nil && ctx.Err() == nil:
			return fmt.Errorf("wait for %s: %w", what, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w: %s", what, context.Cause(ctx), reason)
		case <-tick.C:
		}
	}
}

// RolledOut waits until a Deployment's newest revision is all there is and all of it is available. Pods
// of earlier revisions that are still ending count as there.
func (c *Client) RolledOut(ctx context.Context, namespace, name string) error {
	return Until(ctx, "deployment "+namespace+"/"+name, func(ctx context.Context) (string, error) {
		d, err := c.Kube.AppsV1().Deployments(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return "", err //nolint:wrapcheck // Until says what it waits for
		}
		if reason := rollout(d); reason != "" {
			return reason, nil
		}
		pods, err := c.Pods(ctx, d)
		if err != nil {
			return "", err
		}
		if len(pods) != int(*d.Spec.Replicas) {
			return fmt.Sprintf("%d pods, %d wanted", len(pods), *d.Spec.Replicas), nil
		}
		return "", nil
	})
}

// Pods lists the pods that a Deployment selects, those that are ending included.
func (c *Client) Pods(ctx context.Context, d *appsv1.Deployment) ([]corev1.Pod, error) {
	selector, err := metav1.LabelSelectorAsSelector(d.Spec.Selector)
	if err != nil {
		return nil, fmt.Errorf("read selector of deployment %s/%s: %w", d.Namespace, d.Name, err)
	}
	if selector.String() == labels.Everything().String() {
		return nil, errors.New("a deployment that selects everything")
	}
	list, err := c.Kube.CoreV1().Pods(d.Namespace).List(ctx, metav1.ListOptions{LabelSelector: selector.String()})
	if err != nil {
		return nil, fmt.Errorf("list pods of deployment %s/%s: %w", d.Namespace, d.Name, err)
	}
	return list.Items, nil
}

// rollout says what a Deployment still lacks, or nothing.
func rollout(d *appsv1.Deployment) string {
	s, want := d.Status, int32(1)
	if d.Spec.Replicas != nil {
		want = *d.Spec.Replicas
	}
	switch {
	case s.ObservedGeneration < d.Generation:
		return "not looked at yet"
	case s.UpdatedReplicas < want:
		return fmt.Sprintf("%d of %d replicas are of the newest revision", s.UpdatedReplicas, want)
	case s.Replicas > s.UpdatedReplicas:
		return fmt.Sprintf("%d replicas of an earlier revision are left", s.Replicas-s.UpdatedReplicas)
	case s.AvailableReplicas < want:
		return fmt.Sprintf("%d of %d replicas are available", s.AvailableReplicas, want)
	default:
		return ""
	}
}
