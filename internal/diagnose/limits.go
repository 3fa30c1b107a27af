package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

const (
	bufferSize  = "nginx.ingress.kubernetes.io/proxy-buffer-size"
	readTimeout = "nginx.ingress.kubernetes.io/proxy-read-timeout"
)

func upstreamHeaderTooBig() Analyzer {
	return Analyzer{
		Cause: "upstream-header-too-big", Doc: "Finds routes whose responses have larger headers than the proxy's buffer.",
		Inputs: []snapshot.Kind{snapshot.Ingresses}, stage: byWords,
		run: func(v *view) []finding {
			var out []finding
			for _, r := range v.open() {
				hits := r.hits(model.HeaderTooBig)
				if len(hits) == 0 {
					continue
				}
				size, wanted := "its default", roomier("")
				object := at(r.Object, "")
				if r.Proxy == "nginx" && r.Object.Kind == "Ingress" {
					object.Field = annotation(bufferSize)
					if ing, ok := v.s.Ingresses().Get(r.Object.Namespace, r.Object.Name); ok == snapshot.Present && ing.Annotations[bufferSize] != "" {
						size = ing.Annotations[bufferSize]
						wanted = roomier(size)
					}
				}
				f := find("upstream-header-too-big", proven, object,
					fmt.Sprintf("the backend of %s sends more response headers than the proxy's buffer takes (%s)", r, size)).
					on(r).as(model.HeaderTooBig).since(hits[0].At)
				if object.Field != "" && wanted != "" {
					f = f.wants(text(wanted))
				}
				out = append(out, v.relateBackend(f, r))
			}
			return out
		},
	}
}

// roomier is the next buffer size to try. How large the headers are, no log says: most that are too big
// for nginx's 4k or 8k are cookies and tokens of up to 16 KB, to which the status line and the other
// headers come. Beyond 64k nothing is proposed: then the application sends what it should not.
func roomier(size string) string {
	switch size {
	case "", "4k", "8k", "16k":
		return "32k"
	case "32k":
		return "64k"
	default:
		return ""
	}
}

func annotation(name string) string { return "metadata.annotations['" + name + "']" }

// relateBackend names the Service and workload behind a route.
func (v *view) relateBackend(f finding, r *route) finding {
	for _, l := range r.legs {
		f = f.relates("service", serviceRef(l))
		for _, ref := range v.behind(l) {
			return f.relates("workload", ref)
		}
	}
	return f
}

func upstreamTimeout() Analyzer {
	return Analyzer{
		Cause: "upstream-timeout", Doc: "Finds routes whose backend needs longer to answer than the proxy waits.",
		Inputs: []snapshot.Kind{snapshot.Ingresses, snapshot.HTTPRoutes}, stage: byWords,
		run: func(v *view) []finding {
			var out []finding
			for _, r := range v.open() {
				if hits := r.hits(model.ResponseTimeout); len(hits) > 0 {
					out = append(out, v.tooSlow(r, hits))
				}
			}
			for _, e := range v.edges {
				if f, ok := v.headerTimeout(e); ok && v.unsettledRoots(e) {
					out = append(out, f)
				}
			}
			for _, r := range v.routes {
				if f, ok := v.leftWaiting(r); ok {
					out = append(out, f)
				}
			}
			return out
		},
	}
}

// backendConfig is the annotation by which a Service names its BackendConfig. GKE reads it at Services only
// (https://cloud.google.com/kubernetes-engine/docs/how-to/ingress-configuration#associating_backendconfig_with_your_ingress).
const backendConfig = "cloud.google.com/backend-config"

// peerLeft finds in an application's words that whoever asked went away, and after how long.
var peerLeft = regexp.MustCompile(`(?i)(?:clos|abort|reset|disconnect|cancell?ed|went away|hung up|broken pipe).*?\b(?:after|took|in)\W{0,3}(\d+(?:\.\d+)?) ?(ms|s)\b`)

// leftWaiting finds a load balancer out of the cluster, of which no log is read, that gives requests up as it was told to: the
// application says that whoever asked left, each time after just as long as the load balancer waits.
func (v *view) leftWaiting(r *route) (finding, bool) {
	if !r.outsideUnread() || slices.ContainsFunc(r.Faults, func(f path.Fault) bool { return !f.Kind.Unknown() }) {
		return finding{}, false
	}
	waited, last := v.leftAfter(r)
	if len(waited) < few {
		return finding{}, false
	}
	k, ends := v.endedBy(r, waited[0])
	if !ends || k.standby && !v.responseLimits(r)[0].standby || slices.ContainsFunc(waited, func(d time.Duration) bool { return !k.within(d) }) {
		return finding{}, false
	}
	f := find("upstream-timeout", likely, k.at, fmt.Sprintf("the load balancer of %s gives up after %s, before the backend answers", r, k.set)).
		on(r).as(model.ResponseTimeout).
		because("app-log", fmt.Sprintf("%d requests were left by whoever asked, each after %s", len(waited), k.set), model.Ref{}, time.Time{})
	f.Evidence = append(f.Evidence, last)
	if ing := v.ingress(r.Route); ing != nil && r.Proxy == "gcp-lb" && ing.Annotations[backendConfig] != "" {
		f = f.because("object", fmt.Sprintf("%s has the annotation %s, which is read at Services only", r.Object, backendConfig), r.Object, time.Time{})
	}
	f.unlogged = true
	return v.relateBackend(f, r), true
}

// tooSlow compares how long the proxy waited with what it was told to wait.
func (v *view) tooSlow(r *route, hits []model.Signal) finding {
	waited := waits(hits)
	k, ends := v.endedBy(r, waited)
	after := ""
	if waited > 0 {
		after = fmt.Sprintf(" after %s,", waited.Round(100*time.Millisecond))
	}
	f := find("upstream-timeout", likely, k.at, fmt.Sprintf("the proxy gives up on %s%s before the backend answers", r, after)).
		on(r).as(model.ResponseTimeout).since(hits[0].At)
	if !k.standby && k.set > 0 {
		f.Summary = fmt.Sprintf("%s lets the backend of %s answer for %s, and it takes longer", k.at.Ref, r, k.set)
		f = f.because("object", fmt.Sprintf("%s is %s", k.at.Field, k.set), k.at.Ref, time.Time{})
	} else if ends {
		f = f.because("model", fmt.Sprintf("no object sets how long the proxy waits, and %s is its default", k.set), r.Object, time.Time{})
	}
	if ends {
		f = f.because("model", fmt.Sprintf("requests fail after %s, which is that limit", waited.Round(time.Millisecond)), r.Object, time.Time{})
		f.Confidence = proven
	}
	if !k.standby && k.set > 0 && k.set < time.Minute && k.at.Kind == "Ingress" {
		f = f.wants(text("60"))
	}
	if mistaken, ok := elsewhere(r, "read-timeout", "response-timeout", "timeout-server"); ok && (k.standby || k.at.Field == "") {
		f.Object = mistaken
		f.Summary += "; the annotation that is to say how long it may take is another controller's, which " + r.Controller + " does not read"
	}
	if line, source := v.slowAnswer(r, waited); line != "" {
		f.Evidence = append(f.Evidence, model.Evidence{Kind: "app-log", Text: line, Source: source})
	}
	return v.relateBackend(f, r)
}

// endedBy finds the limit that ended requests after some time: the one that is as long, else the first one
// that is written.
func (v *view) endedBy(r *route, waited time.Duration) (k knob, ends bool) {
	limits := v.responseLimits(r)
	for _, k := range limits {
		if k.within(waited) {
			if k.standby && (k.at.IsZero() || r.Object.Kind == "HTTPRoute") {
				k.at = timeoutPlace(r)
			}
			return k, true
		}
	}
	if len(limits) > 0 && !limits[0].standby {
		return limits[0], false
	}
	return knob{at: timeoutPlace(r), standby: true}, false
}

// waits is the median of how long requests took until the proxy gave up.
func waits(hits []model.Signal) time.Duration {
	var all []time.Duration
	for _, s := range hits {
		d := s.Duration
		for _, t := range s.Tries {
			if t.Duration > 0 {
				d = t.Duration
			}
		}
		all = append(all, d)
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// leftAfter reads from what the applications behind a route log of its requests after how long whoever asked went away, and gives
// the last such line.
func (v *view) leftAfter(r *route) (waited []time.Duration, last model.Evidence) {
	for _, log := range v.in.Logs {
		if !v.behindRoute(r, log.Pod) {
			continue
		}
		for _, l := range log.Lines {
			if !strings.Contains(l, strings.TrimSuffix(r.Path, "/")) {
				continue
			}
			if d, ok := leftIn(l); ok {
				waited = append(waited, d)
				last = model.Evidence{Kind: "app-log", Text: strings.TrimSpace(l), Source: sourceOf(log)}
			}
		}
	}
	return waited, last
}

// clientLeft finds a line of an nginx that serves the application about a request that its client gave up, with how long it
// took: $request_time has seconds with three decimals (nginx.org, ngx_http_log_module), wherever the format puts it.
var clientLeft = regexp.MustCompile(`HTTP/[0-9.]+"? 499 .*?[^.\d](\d+\.\d{3})(?:[^.\d]|$)`)

// leftIn reads from a line of an application how long whoever asked waited until they went away.
func leftIn(line string) (time.Duration, bool) {
	if m := peerLeft.FindStringSubmatch(line); m != nil {
		d, err := time.ParseDuration(m[1] + m[2])
		return d, err == nil
	}
	if m := clientLeft.FindStringSubmatch(line); m != nil {
		d, err := time.ParseDuration(m[1] + "s")
		return d, err == nil
	}
	return 0, false
}

// slowAnswer finds an application's own line about a request on the route that it answered well, but
// later than the proxy waits.
func (v *view) slowAnswer(r *route, waited time.Duration) (line, source string) {
	for _, log := range v.in.Logs {
		if !v.isBackend(log.Pod) && len(v.workloads) > 0 {
			continue
		}
		for _, l := range log.Lines {
			if !strings.Contains(l, strings.TrimSuffix(r.Path, "/")) || !strings.Contains(l, "200") {
				continue
			}
			for _, word := range strings.FieldsFunc(l, func(c rune) bool { return strings.ContainsRune(" ,=\"{}", c) }) {
				if d, err := time.ParseDuration(word); err == nil && d > waited {
					return strings.TrimSpace(l), sourceOf(log)
				}
			}
		}
	}
	return "", ""
}
