package fault

import (
	"context"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/gatemend/gatemend/lab/manifest"
)

// terminationRace updates a Deployment whose pods exit at once when they are told to end. The gateway goes on
// sending to each of them until it has learned that it is gone: requests fail during the update, and only then.
func terminationRace() Fault {
	return Fault{
		Name: "termination-race", Title: "a rolling update of pods that stop at once, without preStop",
		Gateway: "haproxy", Route: manifest.Host(manifest.API), WantStatus: []int{502, 503},
		WantLog:    ` http shop_svc_api_http/SRV_\d 0/0/\d+/-1/\d+ 502 \d+ - - SH-- `,
		WantCauses: []string{"termination-race"}, WantObject: "Deployment shop/api",
		Passing: true, Asks: true,
		Inject: func(ctx context.Context, c *manifest.Client) error {
			// The first update replaces pods that end well by pods that do not; nothing is lost yet.
			if err := deploy(manifest.API, stopsAtOnce)(ctx, c); err != nil {
				return err
			}
			if err := c.RolledOut(ctx, manifest.Namespace, manifest.API); err != nil {
				return err
			}
			next := func(d *appsv1.Deployment) {
				stopsAtOnce(d)
				setEnv(d, "SHOP_VERSION", "v2")
			}
			if err := deploy(manifest.API, next)(ctx, c); err != nil {
				return err
			}
			return c.RolledOut(ctx, manifest.Namespace, manifest.API)
		},
		Restore: withoutLoss,
	}
}

// stopsAtOnce also makes answers take long enough for some to be in flight when a pod ends (502 at once; a request
// that comes a moment later finds nobody at the address and fails after HAProxy's retries, about 16 s), and the
// update go in two steps, as in a larger Deployment.
func stopsAtOnce(d *appsv1.Deployment) {
	replicas, surge := int32(4), intstr.FromInt32(2)
	d.Spec.Replicas = &replicas
	d.Spec.Strategy.RollingUpdate.MaxSurge = &surge
	d.Spec.MinReadySeconds = 1
	setEnv(d, "SHOP_RESPONSE_DELAY", "800ms")
	setEnv(d, "SHOP_ON_TERM", "exit")
	only(d).Lifecycle = nil
}

// withoutLoss replaces pods that stop at once without losing a request, so that mending this fault does not show as
// another one. It brings good pods up beside the bad ones, takes the bad ones out of the Service, and only then
// lets them end.
func withoutLoss(ctx context.Context, c *manifest.Client) error {
	beside := manifest.Deployment(manifest.API)
	all := intstr.FromString("100%")
	beside.Spec.Strategy.RollingUpdate.MaxSurge = &all
	beside.Spec.MinReadySeconds = 300 // until then no new pod counts as available, and no old one is ended
	if err := c.Replace(ctx, beside); err != nil {
		return err
	}
	hash, err := goodPods(ctx, c, int(*beside.Spec.Replicas))
	if err != nil {
		return err
	}
	service := manifest.Service(manifest.API)
	service.Spec.Selector[appsv1.DefaultDeploymentUniqueLabelKey] = hash
	if err := c.Replace(ctx, service); err != nil {
		return err
	}
	if err := c.Endpoints(ctx, manifest.API, int(*beside.Spec.Replicas)); err != nil {
		return err
	}
	// No object tells when HAProxy has reloaded: a second after the endpoints changed, and a little.
	timer := time.NewTimer(3 * time.Second)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return fmt.Errorf("wait for the gateway: %w", context.Cause(ctx))
	case <-timer.C:
	}
	if err := c.Replace(ctx, manifest.Deployment(manifest.API)); err != nil {
		return err
	}
	if err := c.RolledOut(ctx, manifest.Namespace, manifest.API); err != nil {
		return err
	}
	return c.Reset(ctx)
}

// goodPods waits for so many ready pods that end well, and returns what tells them from the others.
func goodPods(ctx context.Context, c *manifest.Client, want int) (hash string, err error) {
	err = manifest.Until(ctx, "pods that end well", func(ctx context.Context) (string, error) {
		pods, err := c.Pods(ctx, manifest.Deployment(manifest.API))
		if err != nil {
			return "", err
		}
		ready := 0
		for _, p := range pods {
			if !endsAtOnce(p) && isReady(p) {
				ready++
				hash = p.Labels[appsv1.DefaultDeploymentUniqueLabelKey]
			}
		}
		if ready < want {
			return fmt.Sprintf("%d of %d are ready", ready, want), nil
		}
		return "", nil
	})
	return hash, err
}

func endsAtOnce(p corev1.Pod) bool {
	return slices.ContainsFunc(p.Spec.Containers[0].Env, func(e corev1.EnvVar) bool { return e.Name == "SHOP_ON_TERM" })
}

func isReady(p corev1.Pod) bool {
	return p.DeletionTimestamp == nil && slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}
