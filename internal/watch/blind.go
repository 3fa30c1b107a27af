package watch

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// unseen is what cannot be looked at now: gateways, other sources, and objects without which routes and gateways go
// unseen.
func (w *Watcher) unseen() []model.Unseen {
	_, unseen := w.Session.Live.Gateways()
	unseen = append(unseen, w.sources.unseen()...)
	if u, some := forbidden(w.locator().Snapshot()); some {
		unseen = append(unseen, u)
	}
	return unseen
}

// forbidden names the kinds of which the user may not list all objects, among those that tell of routes and gateways.
func forbidden(s *snapshot.Snapshot) (model.Unseen, bool) {
	var kinds []string
	first := ""
	for _, k := range []snapshot.Kind{snapshot.Ingresses, snapshot.HTTPRoutes, snapshot.GRPCRoutes, snapshot.Services, snapshot.EndpointSlices, snapshot.Pods} {
		coverage, why := s.Coverage(k)
		if coverage == snapshot.Denied || s.Scope(k) != "" {
			kinds = append(kinds, string(k))
			first = cmp.Or(first, why)
		}
	}
	what := "all objects of kind " + strings.Join(kinds, ", ")
	return model.Unseen{What: what, Why: fmt.Sprintf("%s (the ClusterRole %s lets them be seen)", first, model.ReaderRole)}, len(kinds) > 0
}

// blindFor is how long something must be out of sight before it is said: streams of logs break off
// and are opened again all the time.
const blindFor = time.Second

// blindness is what a watch cannot look at, by name.
type blindness map[string]*blindSpot

type blindSpot struct {
	why   string
	since time.Time
	told  bool
}

// update takes in what cannot be looked at now. It says what to tell about it: each thing once when
// it is lost, and once when it is back.
func (b blindness) update(unseen []model.Unseen, now time.Time) (tell []string) {
	gone := map[string]bool{}
	for what := range b {
		gone[what] = true
	}
	for _, u := range unseen {
		delete(gone, u.What)
		spot := b[u.What]
		if spot == nil {
			spot = &blindSpot{since: now}
			b[u.What] = spot
		}
		spot.why = u.Why
		if !spot.told && now.Sub(spot.since) >= blindFor {
			spot.told = true
			tell = append(tell, "cannot look at "+u.What+": "+u.Why)
		}
	}
	var back []string
	for what := range gone {
		if spot := b[what]; spot.told {
			back = append(back, fmt.Sprintf("%s can be looked at again, after %s", what, now.Sub(spot.since).Round(time.Second)))
		}
		delete(b, what)
	}
	slices.Sort(back)
	return append(tell, back...)
}
