package watch

import (
	"maps"
	"slices"
	"time"

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
		for _, w := range early.Compare(before, after) {
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

func (f *foresight) remember(object model.Ref, now time.Time) {
	for s, at := range f.warned {
		if now.Sub(at) >= warnedAgain {
			delete(f.warned, s)
		}
	}
	f.warned[object] = now
}
