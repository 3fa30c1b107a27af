package fault

import (
	"context"
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/gatemend/gatemend/lab/manifest"
)

// keepaliveRace lets pods close connections that were idle for a second, a little later than they stop
// reading them: what comes in between is lost. Nothing is changed in the cluster while it happens.
func keepaliveRace() Race {
	change := func(d *appsv1.Deployment) {
		setEnv(d, "SHOP_IDLE_TIMEOUT", "1s")
		setEnv(d, "SHOP_IDLE_SLACK", "400ms")
	}
	return Race{
		Name: "keepalive-race", Title: "pods that close idle connections sooner than the proxy stops using them",
		Role: manifest.Web, Route: manifest.Host(manifest.Web), Gateway: "nginx", WantObject: "Deployment shop/web",
		Paused:  true,
		Prepare: prepared(manifest.Web, change),
		Run:     func(ctx context.Context, _ Place, _ int) error { return pause(ctx, 12*time.Second) },
		After:   nothing,
	}
}
