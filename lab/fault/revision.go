package fault

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/gatemend/gatemend/lab/manifest"
)

// deploy returns an Inject that rolls out a changed revision of a role.
func deploy(role string, change func(*appsv1.Deployment)) func(context.Context, *manifest.Client) error {
	return func(ctx context.Context, c *manifest.Client) error {
		d := manifest.Deployment(role)
		change(d)
		return c.Replace(ctx, d)
	}
}

// allAtOnce lets a rollout take all old pods away before one new pod works: what turns a bad revision,
// which Kubernetes would else stop half-way, into an outage.
func allAtOnce(d *appsv1.Deployment) {
	all := intstr.FromString("100%")
	d.Spec.Strategy.RollingUpdate.MaxUnavailable = &all
}

// setEnv sets a variable of the only container.
func setEnv(d *appsv1.Deployment, name, value string) {
	c := &d.Spec.Template.Spec.Containers[0]
	for i, e := range c.Env {
		if e.Name == name {
			c.Env[i] = corev1.EnvVar{Name: name, Value: value}
			return
		}
	}
	c.Env = append(c.Env, corev1.EnvVar{Name: name, Value: value})
}

func only(d *appsv1.Deployment) *corev1.Container { return &d.Spec.Template.Spec.Containers[0] }
