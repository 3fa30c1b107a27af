package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// slowBodies finds a route on which most requests end with 408 at the gateway, before any backend was asked.
func (v *view) slowBodies(r *route) (finding, bool) {
	if f, ok := v.cutBodies(r); ok {
		return f, true
	}
	if f, ok := v.cutUploads(r); ok {
		return f, true
	}
	if len(r.unsent) < enoughLeft || len(r.unsent)*2 < r.requests {
		return finding{}, false
	}
	f := find("request-body-timeout", likely, at(r.Object, ""), fmt.Sprintf("%d of %d requests for %s were answered 408 by the gateway, which waited in vain for the rest of them", len(r.unsent), r.requests, r)).
		on(r).showing(r, r.unsent).since(r.unsent[0].At)
	return v.relateBackend(f, r), true
}

// cutBodies finds a route on which Envoy cut requests off because they had not arrived whole in the time that somebody
// allows them: by itself it sets no such time (envoyproxy/envoy, HttpConnectionManager: request_timeout). A backend may
// have been asked before that.
func (v *view) cutBodies(r *route) (finding, bool) {
	cut := slices.DeleteFunc(slices.Clone(r.unsent), func(s model.Signal) bool { return !cutBody(s) })
	if len(cut) < few || len(cut)*10 < r.requests {
		return finding{}, false
	}
	f := find("request-body-timeout", likely, at(r.Object, ""), fmt.Sprintf("%d of %d requests for %s were answered 408 by the gateway, which does not wait longer than %s until one has arrived whole",
		len(cut), r.requests, r, cut[0].Duration.Round(time.Second/10))).
		on(r).showing(r, cut).since(cut[0].At)
	if place, value := v.wholeRequestTime(r); value != "" {
		f.Object, f.Confidence = place, proven
		f = f.because("object", fmt.Sprintf("%s is %s", place.Field, value), place.Ref, time.Time{})
	}
	f.Evidence = append(f.Evidence, model.Evidence{Kind: "proxy-log", Text: fmt.Sprintf("%s answered 408: %s", cut[0].Request, cut[0].Reason), At: cut[0].At, Source: cut[0].Source})
	return v.relateBackend(f, r), true
}

// cutBody reports whether Envoy itself cut a request off that did not arrive whole in time.
func cutBody(s model.Signal) bool {
	return s.Status == 408 && strings.Contains(s.Reason, "request_overall_timeout")
}

// wholeRequestTime is where the time is set in which a request must arrive whole: in Envoy Gateway's policy for the
// gateway, or in Contour's configuration.
func (v *view) wholeRequestTime(r *route) (model.FieldRef, string) {
	for _, p := range v.all("gateway.envoyproxy.io", "ClientTrafficPolicy") {
		const field = "spec.timeout.http.requestReceivedTimeout"
		if value, _ := dig(p.object.Object, field).(string); value != "" && slices.Contains(v.under(p.object), r) {
			return at(p.ref, field), value
		}
	}
	for _, p := range v.all("projectcontour.io", "ContourConfiguration") {
		const field = "spec.envoy.timeouts.requestTimeout"
		if value, _ := dig(p.object.Object, field).(string); value != "" && (r.Object.Kind == "HTTPProxy" || strings.Contains(r.Controller, "projectcontour")) {
			return at(p.ref, field), value
		}
	}
	return v.contourFile(r, "request-timeout")
}

// contourFile is a setting of the file that Contour reads, from the ConfigMap beside it.
func (v *view) contourFile(r *route, key string) (model.FieldRef, string) {
	for _, f := range v.m.Fleets(r.Route) {
		for cm := range v.s.ConfigMaps().In(f.Object.Namespace) {
			for line := range strings.Lines(cm.Data["contour.yaml"]) {
				if value, ok := strings.CutPrefix(strings.TrimSpace(line), key+":"); ok {
					return at(snapshot.RefOf(cm), dataField("contour.yaml")), strings.TrimSpace(value)
				}
			}
		}
	}
	return model.FieldRef{}, ""
}
