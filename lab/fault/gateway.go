package fault

import (
	"context"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/gatemend/gatemend/lab/manifest"
)

// ofGateway is a fault of a gateway itself: nothing answers its clients, and its log falls silent.
func ofGateway(f Fault, change func(*appsv1.Deployment)) Fault {
	all := manifest.Gateways()
	g := all[slices.IndexFunc(all, func(g manifest.Gateway) bool { return g.Name == f.Gateway })]
	f.Route, f.WantStatus = g.Hosts[0], []int{NoAnswer}
	f.WantCauses, f.WantObject = []string{"proxy-not-running"}, "Deployment "+g.Namespace+"/"+g.Service
	f.Asks = true
	f.Inject = func(ctx context.Context, c *manifest.Client) error {
		d, err := g.Deployment()
		if err != nil {
			return err
		}
		change(d)
		return c.Replace(ctx, d)
	}
	f.Restore = func(ctx context.Context, c *manifest.Client) error { return c.ResetGateway(ctx, g) }
	return f
}

// proxyScaledToZero takes all pods of a gateway away.
func proxyScaledToZero() Fault {
	return ofGateway(Fault{
		Name: "proxy-not-running-scaled-to-zero", Title: "the gateway's Deployment was scaled to zero", Gateway: "nginx",
	}, func(d *appsv1.Deployment) { d.Spec.Replicas = ptr.To[int32](0) })
}

// proxyCrashLoop rolls out a revision of a gateway that its program refuses to start with.
func proxyCrashLoop() Fault {
	return ofGateway(Fault{
		Name: "proxy-not-running-crash-loop", Title: "a new revision of the gateway has an argument that its program does not know", Gateway: "envoy",
	}, func(d *appsv1.Deployment) {
		gone(d)
		only(d).Args = append(only(d).Args, "--no-such-option")
	})
}

// proxyNeverReady rolls out a revision of a gateway whose readiness probe asks at a port on which it does not listen.
func proxyNeverReady() Fault {
	return ofGateway(Fault{
		Name: "proxy-not-running-never-ready", Title: "a new revision of the gateway has a readiness probe at a port on which it does not listen", Gateway: "haproxy",
	}, func(d *appsv1.Deployment) {
		gone(d)
		only(d).ReadinessProbe.HTTPGet.Port = intstr.FromInt32(1043)
	})
}

// proxyUnschedulable rolls out a revision of a gateway that asks for more CPU than any node has.
func proxyUnschedulable() Fault {
	return ofGateway(Fault{
		Name: "proxy-not-running-unschedulable", Title: "a new revision of the gateway requests 100 CPUs", Gateway: "envoy-json",
	}, func(d *appsv1.Deployment) {
		gone(d)
		only(d).Resources.Requests[corev1.ResourceCPU] = resource.MustParse("100")
	})
}

// gone lets a rollout take the only pod away before the new one works, as many charts do for gateways with a port of their node.
func gone(d *appsv1.Deployment) {
	d.Spec.Strategy = appsv1.DeploymentStrategy{
		Type:          appsv1.RollingUpdateDeploymentStrategyType,
		RollingUpdate: &appsv1.RollingUpdateDeployment{MaxUnavailable: ptr.To(intstr.FromInt32(1)), MaxSurge: ptr.To(intstr.FromInt32(0))},
	}
}
