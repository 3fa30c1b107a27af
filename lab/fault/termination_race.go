package fault

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/gatemend/gatemend/lab/manifest"
)

// terminationRace updates a Deployment whose pods exit at once when they are told to end. The gateway goes on
// sending to each of them until it has learned that it is gone: requests fail during the update, and only then.
func terminationRace() Fault {
	return Fault{
		Name: "termination-race", Title: "a rolling update of pods that stop at once, without preStop",
		Gateway: "haproxy", Route: manifest.Host(manifest.API), WantStatus: []int{503, 502},
		WantCauses: []string{"termination-race"}, WantObject: "Deployment shop/api",
		Passing: true,
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
		Restore: reset,
	}
}

// stopsAtOnce also makes the update take its time, one pod after the other, as in a larger Deployment.
func stopsAtOnce(d *appsv1.Deployment) {
	replicas := int32(4)
	d.Spec.Replicas = &replicas
	d.Spec.MinReadySeconds = 1
	setEnv(d, "SHOP_ON_TERM", "exit")
	only(d).Lifecycle = nil
}
