package diagnose

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

// Answers below 500 are no failures of a gateway, and may be what is wrong all the same where every request gets them.

// sourcesKept finds a route that admits some sources only, where every request is answered 403.
func (v *view) sourcesKept(r *route) (finding, bool) {
	shut := r.refused(403)
	if len(shut) < few {
		return finding{}, false
	}
	for _, l := range r.legs {
		for _, s := range v.m.Settings(r.Route, l).All(proxy.Sources) {
			if s.Value == "" || s.At.IsZero() {
				continue
			}
			f := find("route-annotation-wrong", proven, s.At, fmt.Sprintf("%s admits requests for %s from %s only, and all of %d were answered 403", s.At.Ref, r, s.Value, len(shut))).
				on(r).as(model.Denied).showing(r, shut).because("object", fmt.Sprintf("%s is %s", s.At.Field, s.Value), s.At.Ref, time.Time{}).
				not("mesh-policy-denies", "the route itself says whom it admits")
			return f, true
		}
	}
	return finding{}, false
}

// strangeHost matches the words of frameworks that answer only requests for hosts that they were told of (Django's
// ALLOWED_HOSTS, Rails' config.hosts, ASP.NET's AllowedHosts, Vite's allowedHosts).
var strangeHost = regexp.MustCompile(`(?i)DisallowedHost|Invalid HTTP_HOST header|Blocked hosts?: |HostAuthorization|hostname .* not allowed.* AllowedHosts|This host \(".*"\) is not allowed`)

// strangers finds an application that answers 400 or 403 to every request because it was not told of the host that users ask for.
func (v *view) strangers(w *workload) (finding, bool) {
	for _, r := range w.routes {
		shut := slices.Concat(r.refused(400), r.refused(403))
		if r.edge != nil || len(shut) < few {
			continue
		}
		for _, line := range v.logsOf(w) {
			if !strangeHost.MatchString(line) {
				continue
			}
			f := find("app-misconfigured", proven, v.hostsSetting(w), fmt.Sprintf("%s refuses all of %d requests for %s, because it was not told of that host", w.ref, len(shut), r)).
				on(r).as(model.UpstreamStatus).showing(r, shut).relates("workload", w.ref).
				not("app-error", "the application means to refuse these requests")
			f.Evidence = append(f.Evidence, model.Evidence{Kind: "app-log", Text: strings.TrimSpace(line)})
			return f, true
		}
	}
	return finding{}, false
}

// hostsSetting is the variable that lists the hosts for which a workload answers, else the workload.
func (v *view) hostsSetting(w *workload) model.FieldRef {
	for i := range w.template.template.Spec.Containers {
		for _, e := range v.environment(w, &w.template.template.Spec.Containers[i], fmt.Sprintf("spec.template.spec.containers[%d]", i)) {
			if name := strings.ToUpper(e.name); strings.Contains(name, "HOSTS") || strings.Contains(name, "ALLOWED_HOST") {
				return e.at
			}
		}
	}
	return at(w.ref, "")
}

// quoting adds the line of a request.
func (f finding) quoting(s model.Signal) finding {
	text := cmp.Or(s.Raw, s.Reason, fmt.Sprintf("%s answered %d", s.Request, s.Status))
	f.Evidence = append(f.Evidence, model.Evidence{Kind: "proxy-log", Text: text, At: s.At, Source: s.Source})
	return f
}
