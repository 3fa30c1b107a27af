package watch

import (
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
)

// lag is for how long a gateway may go by rules that are no longer those of the cluster: controllers gather changes for a
// moment, and what is being answered meanwhile is logged at its end.
const lag = 15 * time.Second

// former are the rules before the last changes. A gateway that has not followed yet names in its log what only they
// have: such a line is about the route that it was about until now, and not about one that nobody knows.
type former struct {
	routes *path.Map // nil: nothing has changed lately
	until  time.Time
}

// replaced notes rules that were replaced. Of several changes in a row the rules before the first one count, by which
// the slowest gateway goes.
func (f *former) replaced(before *path.Map, now time.Time) {
	if f.routes == nil || now.After(f.until) {
		f.routes, f.until = before, now.Add(lag)
	}
}

// locate finds the rule that a signal is about by the former rules, as long as these may be in force somewhere.
func (f *former) locate(sig model.Signal, now time.Time) (path.Route, bool) {
	if now.After(f.until) {
		f.routes = nil
	}
	if f.routes == nil {
		return path.Route{}, false
	}
	return f.routes.Locate(sig)
}
