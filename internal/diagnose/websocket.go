package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// f5WebSockets names the Services to which F5's controller passes upgrades on; to others of an Ingress it does not
// (nginx/kubernetes-ingress, docs: websocket-services).
const f5WebSockets = "nginx.org/websocket-services"

func websocketUpgradeFailed() Analyzer {
	row := spoken{
		cause: "websocket-upgrade-failed",
		says:  "the upgrade of connections on %s is refused or lost on the way", where: atRoute,
		fields: []string{f5WebSockets, "projectcontour.io/websocket-routes", "nginx.ingress.kubernetes.io/configuration-snippet"},
	}
	return Analyzer{
		Cause: row.cause, Doc: "Finds routes on which a protocol upgrade does not come through.",
		Inputs: append(podKinds(), snapshot.Ingresses, snapshot.ConfigMaps), stage: byWords,
		run: func(v *view) []finding {
			var out []finding
			for _, r := range v.routes {
				f, ok := v.told(row, r)
				if !ok {
					f, ok = v.upgradeLost(row, r)
				}
				if !ok {
					f, ok = v.upgradeForbidden(row, r)
				}
				if !ok {
					continue
				}
				if f.Object.Field == "" && r.Object.Kind == "Ingress" && strings.Contains(r.Controller, "nginx.org") {
					f.Object.Field = annotation(f5WebSockets)
				}
				out = append(out, f)
			}
			return out
		},
	}
}

// upgradeForbidden finds requests for an upgrade that Envoy itself answered 403, as their route allows none: upgrade_failed, says its log
// (envoyproxy/envoy, envoy/stream_info/stream_info.h). Contour's routes allow WebSockets only where they say so
// (projectcontour.io/docs: WebSockets), those of others everywhere.
func (v *view) upgradeForbidden(row spoken, r *route) (finding, bool) {
	shown := slices.DeleteFunc(slices.Clone(r.denied), func(s model.Signal) bool {
		return s.Status != 403 || !strings.HasSuffix(s.Reason, "upgrade_failed") && !v.onlyUpgrade(r, s)
	})
	if len(shown) < few || len(shown)*20 < r.requests || r.upgraded > 0 {
		return finding{}, false // a scanner asks for what it likes
	}
	f := find(row.cause, proven, v.pointed(row, r, hearing{first: shown[0]}), fmt.Sprintf(row.says, r)+": the route does not let the gateway upgrade them").
		on(r).as(model.Protocol).showing(r, shown).since(shown[0].At).quoting(shown[0]).
		not("mesh-policy-denies", "no policy was asked: the gateway refused the upgrade itself")
	switch {
	case r.Object.Kind == "HTTPProxy":
		f.Object = at(r.Object, r.Rule+".enableWebsockets")
	case f.Object.Field == "" && strings.Contains(r.Controller, "projectcontour.io"):
		f.Object.Field = annotation("projectcontour.io/websocket-routes")
	}
	return v.relateBackend(f, r), true
}

// onlyUpgrade reports whether a 403 that Contour's Envoy wrote itself, without a word on why, can only be that of an upgrade: Contour's
// own format of the access log has no details of a response (projectcontour.io/docs: access logging). What else it lets Envoy answer
// so is a direct response, and what addresses or tokens a host or a route lets in; who is asked for an authorization leaves its flag.
func (v *view) onlyUpgrade(r *route, s model.Signal) bool {
	if r.Object.Kind != "HTTPProxy" || len(r.Backends) == 0 || r.Fixed != 0 || len(s.Tries) > 0 || strings.Trim(s.Reason, "- ") != "" || s.Request.Method != "GET" {
		return false
	}
	judges := func(o piece, field string) bool {
		part, _ := dig(o.object.Object, field).(map[string]any)
		return slices.ContainsFunc([]string{"ipAllowPolicy", "ipDenyPolicy", "jwtProviders", "jwtVerificationPolicy"}, func(key string) bool { return part[key] != nil })
	}
	for _, p := range v.all("projectcontour.io", "HTTPProxy") {
		own := p.ref == r.Object
		if own && (judges(p, r.Rule) || dig(p.object.Object, r.Rule+".enableWebsockets") == true) {
			return false
		}
		if fqdn, _ := dig(p.object.Object, "spec.virtualhost.fqdn").(string); (own || fqdn == r.Host) && judges(p, "spec.virtualhost") {
			return false
		}
	}
	return true
}

// upgradeLost finds applications that turn requests of a route away, as they miss the headers that ask for a
// WebSocket: they say so, or the gateway is known to leave these headers out.
func (v *view) upgradeLost(row spoken, r *route) (finding, bool) {
	shown := r.notUpgraded()
	if len(shown) < few {
		return finding{}, false
	}
	unlisted := v.unlistedSocket(r)
	line, source := v.heardInApp(row.cause, r)
	if line == "" && (unlisted == "" || shown[0].Status != 426) {
		return finding{}, false
	}
	f := find(row.cause, proven, v.pointed(row, r, hearing{first: shown[0]}), fmt.Sprintf(row.says, r)).on(r).as(model.Protocol).showing(r, shown).since(shown[0].At)
	if unlisted != "" {
		f.Summary += ": " + unlisted
	}
	if line != "" {
		f.Evidence = append(f.Evidence, model.Evidence{Kind: "app-log", Text: line, Source: source})
	}
	return v.relateBackend(f, r), true
}

// notUpgraded are the requests of a route that an application turned away as they asked for no upgrade: all of them
// with 400, or some with 426. Where others were upgraded, these are people's plain requests.
func (r *route) notUpgraded() []model.Signal {
	if r.upgraded > 0 {
		return nil
	}
	if shown := r.refused(400); len(shown) > 0 {
		return shown
	}
	return slices.DeleteFunc(slices.Clone(r.astray), func(s model.Signal) bool { return s.Status != 426 })
}

// unlistedSocket says that an Ingress of F5's controller names Services for WebSockets, and none of those to which a
// route leads.
func (v *view) unlistedSocket(r *route) string {
	ing := v.ingress(r.Route)
	if ing == nil || !strings.Contains(r.Controller, "nginx.org") || len(r.Backends) == 0 {
		return ""
	}
	listed := strings.FieldsFunc(ing.Annotations[f5WebSockets], func(c rune) bool { return c == ',' || c == ' ' })
	for _, b := range r.Backends {
		if slices.Contains(listed, b.Service.Name) {
			return ""
		}
	}
	if len(listed) == 0 {
		return ""
	}
	return fmt.Sprintf("%s names %s, and not %s", f5WebSockets, strings.Join(listed, ", "), r.Backends[0].Service.Name)
}
