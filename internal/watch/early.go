package watch

import (
	"maps"
	"slices"
	"time"

	"github.com/gatemend/gatemend/internal/detect"
	"github.com/gatemend/gatemend/internal/early"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
)

// warnedAgain is how long a Service or gateway that was warned of is not warned of again: a readiness that comes
// and goes would fill the screen. What goes again in that time and stays away is told of when it is over.
const warnedAgain = 10 * time.Second

// foresight warns of routes that are about to fail.
type foresight struct {
	before *path.Map // nil before the first look
	warned map[model.Ref]time.Time
	// silent has the state before each warning that was not told because of an earlier one.
	silent map[model.Ref]*path.Map
	// down are the watched routes whose gateway has fallen, by their names: no log tells of requests that nobody takes.
	down map[string]downed
}

// downed is a route whose gateway has no pod that is ready, and since when.
type downed struct {
	route path.Route
	since time.Time
}

func newForesight() *foresight {
	return &foresight{warned: map[model.Ref]time.Time{}, silent: map[model.Ref]*path.Map{}, down: map[string]downed{}}
}

// foresee compares the state after a change with the one before. Routes that are predicted to fail
// now are diagnosed at once, before a request fails.
func (w *Watcher) foresee(alarms *inbox) error {
	if w.foresight == nil {
		return nil
	}
	now := w.Session.Now()
	watched := func(r path.Route) bool { return selects(w.Target, r) }
	for _, warning := range w.foresight.look(w.locator(), now, watched) {
		n := model.Notice{At: now, Source: "early warning", Text: warning.Text}
		if i := slices.IndexFunc(warning.Fails, watched); i >= 0 {
			n.About = []model.Target{{Object: &warning.Fails[i].Object}}
			n.Text += "; requests to it will fail"
		}
		if err := w.noted(n, alarms); err != nil {
			return err
		}
	}
	return nil
}

// look lists what is to be told of the state as it is now: what went wrong since the last look, and what did so too soon after
// a warning and is still wrong.
func (f *foresight) look(after *path.Map, now time.Time, watched func(path.Route) bool) (out []early.Warning) {
	before := f.before
	f.before = after
	tell := func(w early.Warning) {
		f.remember(w.Object, now)
		out = append(out, w)
	}
	if before != nil && before != after {
		maps.DeleteFunc(f.down, func(_ string, d downed) bool {
			_, _, down := after.Down(d.route)
			return !down
		})
		for _, w := range early.Compare(before, after) {
			f.fell(w, after, now, watched)
			switch {
			case !slices.ContainsFunc(w.Routes, watched):
			case now.Sub(f.warned[w.Object]) >= warnedAgain:
				delete(f.silent, w.Object)
				tell(w)
			case f.silent[w.Object] == nil:
				f.silent[w.Object] = before
			}
		}
	}
	for _, object := range slices.SortedFunc(maps.Keys(f.silent), model.Ref.Compare) {
		if now.Sub(f.warned[object]) < warnedAgain {
			continue
		}
		for _, w := range early.Compare(f.silent[object], after) {
			if w.Object == object && slices.ContainsFunc(w.Fails, watched) {
				tell(w)
			}
		}
		delete(f.silent, object)
	}
	return out
}

// fell keeps the watched routes that a gateway's fall leaves without any.
func (f *foresight) fell(w early.Warning, after *path.Map, now time.Time, watched func(path.Route) bool) {
	for _, r := range w.Fails {
		if _, _, down := after.Down(r); down && watched(r) {
			f.down[r.String()] = downed{r, now}
		}
	}
}

// miss tells a detector which routes nothing takes requests of. Right after the API server's return it is not known whether
// requests come: their logs are read through it.
func (w *Watcher) miss(d *detect.Detector, now time.Time) {
	if w.foresight == nil || w.Session.Live.Silent() != "" || now.Sub(w.Session.Live.Back()) < logsBack {
		return
	}
	for name, down := range w.foresight.down {
		d.Missed(name, down.since)
	}
}

// logsBack is how long after the API server's return the logs of all gateways are read again at the latest.
const logsBack = 10 * time.Second

func (f *foresight) remember(object model.Ref, now time.Time) {
	for s, at := range f.warned {
		if now.Sub(at) >= warnedAgain {
			delete(f.warned, s)
		}
	}
	f.warned[object] = now
}
