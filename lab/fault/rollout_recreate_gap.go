package fault

import (
	appsv1 "k8s.io/api/apps/v1"

	"github.com/gatemend/gatemend/lab/manifest"
)

// recreateGap updates a Deployment whose strategy ends all old pods before it makes new ones, which need
// two seconds to start.
func recreateGap() Race {
	change := func(d *appsv1.Deployment) {
		d.Spec.Strategy = appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType}
		only(d).Lifecycle.PreStop.Sleep.Seconds = 1
		setEnv(d, "SHOP_START_DELAY", "2s")
	}
	return Race{
		Name: "rollout-recreate-gap", Title: "an update with strategy Recreate",
		Role: manifest.Web, Route: manifest.Host(manifest.Web), Gateway: "nginx", WantObject: "Deployment shop/web",
		Prepare: prepared(manifest.Web, change), Run: again(manifest.Web, change), After: nothing,
	}
}
