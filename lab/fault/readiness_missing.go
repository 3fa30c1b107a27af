package fault

import (
	appsv1 "k8s.io/api/apps/v1"

	"github.com/gatemend/gatemend/lab/manifest"
)

// readinessMissing updates a Deployment without a readiness probe whose pods need two seconds before they
// listen. Envoy sends to them at once and does not try another one.
func readinessMissing() Race {
	change := func(d *appsv1.Deployment) {
		only(d).ReadinessProbe = nil
		setEnv(d, "SHOP_START_DELAY", "2s")
	}
	return Race{
		Name: "readiness-probe-missing", Title: "an update of pods that start slowly, without a readiness probe",
		Role: manifest.Cart, Route: manifest.Host(manifest.Cart), Gateway: "envoy", WantObject: "Deployment shop/cart",
		Prepare: prepared(manifest.Cart, change), Run: again(manifest.Cart, change), After: nothing,
	}
}
