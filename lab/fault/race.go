package fault

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/gatemend/gatemend/lab/cluster"
	"github.com/gatemend/gatemend/lab/manifest"
)

// Race is a fault that shows only while something starts, stops, moves or idles. The shop is prepared once;
// each Run then lets it happen once more, under traffic.
type Race struct {
	Name  string // that of its cause
	Title string
	// Role is the part of the shop that it happens to, Route the host on which it shows, Gateway the proxy
	// in front.
	Role, Route, Gateway string
	WantObject           string // KIND NAMESPACE/NAME, or KIND NAME
	// Paused makes the traffic come in bursts with pauses of about a second, and not steadily.
	Paused bool
	// Alone says that it disturbs other parts of the shop: nothing else may be tried beside it.
	Alone bool

	Prepare func(context.Context, Place) error
	// Run returns when it has happened and its errors are over or go on: number counts the runs.
	Run func(ctx context.Context, p Place, number int) error
	// After puts back what a run has changed, before the next one.
	After func(context.Context, Place) error
}

// Place is where a race is run.
type Place struct {
	Client  *manifest.Client
	Cluster *cluster.Cluster
}

// Races lists all of them.
func Races() []Race {
	return []Race{recreateGap(), readinessMissing(), stops(), keepaliveRace(), staleEndpoints(), nodeGone()}
}

// nothing is for what needs no doing.
func nothing(context.Context, Place) error { return nil }

// prepared rolls a changed revision of a role out and waits until it serves.
func prepared(role string, change func(*appsv1.Deployment)) func(context.Context, Place) error {
	return func(ctx context.Context, p Place) error { return p.roll(ctx, role, change, 0) }
}

// again rolls the same out with another version, so that all pods are replaced.
func again(role string, change func(*appsv1.Deployment)) func(context.Context, Place, int) error {
	return func(ctx context.Context, p Place, number int) error {
		if err := p.roll(ctx, role, change, number); err != nil {
			return err
		}
		return pause(ctx, 2*time.Second) // until proxies have followed, and their logs are written
	}
}

func (p Place) roll(ctx context.Context, role string, change func(*appsv1.Deployment), number int) error {
	err := deploy(role, func(d *appsv1.Deployment) {
		change(d)
		setEnv(d, "SHOP_VERSION", fmt.Sprint("r", number))
	})(ctx, p.Client)
	if err != nil {
		return err
	}
	return p.Client.RolledOut(ctx, manifest.Namespace, role)
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return fmt.Errorf("wait %s: %w", d, context.Cause(ctx))
	case <-timer.C:
		return nil
	}
}
