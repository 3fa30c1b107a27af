package watch

import (
	"slices"
	"time"

	"github.com/gatemend/gatemend/internal/early"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
)

// warnedAgain is how long a Service or gateway that was warned of is not warned of again: a readiness that comes
// and goes would fill the screen.
const warnedAgain = 10 * time.Second

// foresight warns of routes that are about to fail.
type foresight struct {
	before *path.Map // nil before the first look
	warned map[model.Ref]time.Time
}

// foresee compares the state after a change with the one before. Routes that are predicted to fail
// now are diagnosed at once, before a request fails.
func (w *Watcher) foresee(alarms *inbox) error {
	if w.foresight == nil {
		return nil
	}
	before, after, now := w.foresight.before, w.locator(), w.Session.Now()
	w.foresight.before = after
	if before == nil || before == after {
		return nil
	}
	for _, warning := range early.Compare(before, after) {
		if now.Sub(w.foresight.warned[warning.Object]) < warnedAgain {
			continue
		}
		n := model.Notice{At: now, Source: "early warning", Text: warning.Text}
		watched := func(r path.Route) bool { return selects(w.Target, r) }
		switch {
		case !slices.ContainsFunc(warning.Routes, watched):
			continue
		case slices.ContainsFunc(warning.Fails, watched):
			r := warning.Fails[slices.IndexFunc(warning.Fails, watched)]
			n.About = []model.Target{{Object: &r.Object}}
			n.Text += "; requests to it will fail"
		}
		w.foresight.remember(warning.Object, now)
		if err := w.noted(n, alarms); err != nil {
			return err
		}
	}
	return nil
}

func (f *foresight) remember(object model.Ref, now time.Time) {
	for s, at := range f.warned {
		if now.Sub(at) >= warnedAgain {
			delete(f.warned, s)
		}
	}
	f.warned[object] = now
}
