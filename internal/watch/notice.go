package watch

import (
	"github.com/gatemend/gatemend/internal/detect"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/printer"
)

// noted takes a notice in: it is told, and the first route that it may be about is diagnosed at once,
// without waiting for an alarm. What is about nothing that is watched is told only.
func (w *Watcher) noted(n model.Notice, alarms *inbox) error {
	now := w.Session.Now()
	doc := printer.NewEvent(printer.EventNotice, now, n.Source+": "+n.Text)
	route, ok := w.meant(n)
	if !ok {
		if len(n.About) > 0 {
			doc.Text += " (no route that is watched is named by it)"
		}
		return w.Print(doc)
	}
	doc.Route = route.String()
	alarms.put(alarmNews{Alarm: detect.Alarm{Route: doc.Route, Object: route.Object, From: n.At, Opened: now, To: n.At}})
	return w.Print(doc)
}

// meant is the first route that a notice may be about.
func (w *Watcher) meant(n model.Notice) (path.Route, bool) {
	for _, t := range n.About {
		for _, r := range w.locator().Routes() {
			if selects(t, r) && selects(w.Target, r) {
				return r, true
			}
		}
	}
	return path.Route{}, false
}
