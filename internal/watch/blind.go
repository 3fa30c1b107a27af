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
	unseen = append(unseen, w.overflow.unseen(w.detector.Untracked()+w.counted.Untracked(), w.Session.Now())...)
	return append(unseen, unlisted(w.locator().Snapshot())...)
}

// overflowFor is how long after the last request that was not looked at people are told of it.
const overflowFor = time.Minute

// overflow is of how many requests nobody knows whether they fail, because there are too many routes.
type overflow struct {
	requests int
	grew     time.Time
}

// unseen takes in how many there were so far.
func (o *overflow) unseen(requests int, now time.Time) []model.Unseen {
	if requests > o.requests {
		o.requests, o.grew = requests, now
	}
	if o.grew.IsZero() || now.Sub(o.grew).Abs() >= overflowFor {
		return nil
	}
	return []model.Unseen{{What: "requests of some routes", Why: fmt.Sprintf("%d were not looked at, as there are too many hosts and paths", requests)}}
}

// unlisted names the kinds of which not all objects are known, among those that tell of routes and gateways: because the
// user may not list them, because listing them failed, and because they are not told of any more. What fails, fails of one
// kind after the other and comes back so: it has one name, whichever kinds they are, so that it is told once.
func unlisted(s *snapshot.Snapshot) []model.Unseen {
	var denied, failed, outdated lack
	for _, k := range []snapshot.Kind{snapshot.Ingresses, snapshot.HTTPRoutes, snapshot.GRPCRoutes, snapshot.Services, snapshot.EndpointSlices, snapshot.Pods} {
		coverage, why := s.Coverage(k)
		switch {
		case coverage == snapshot.Denied || s.Scope(k) != "":
			denied.add(k, why)
		case coverage == snapshot.Failed:
			failed.add(k, why)
		case coverage == snapshot.Partial:
			outdated.add(k, why)
		}
	}
	var out []model.Unseen
	if len(denied.kinds) > 0 {
		out = append(out, model.Unseen{
			What: "all objects of kind " + denied.names(),
			Why:  fmt.Sprintf("%s (the ClusterRole %s lets them be seen)", denied.why, model.ReaderRole),
		})
	}
	if len(failed.kinds) > 0 {
		out = append(out, model.Unseen{What: "all that routes lead through", Why: failed.names() + " could not be read: " + failed.why})
	}
	if len(outdated.kinds) > 0 {
		out = append(out, model.Unseen{What: "changes of what routes lead through", Why: outdated.names() + ": " + outdated.why})
	}
	return out
}

// lack is of which kinds something lacks, and why it does of the first.
type lack struct {
	kinds []string
	why   string
}

func (l *lack) add(k snapshot.Kind, why string) {
	l.kinds = append(l.kinds, string(k))
	l.why = cmp.Or(l.why, why)
}

func (l *lack) names() string { return strings.Join(l.kinds, ", ") }

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
