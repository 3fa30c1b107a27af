package diagnose

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/all"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// besideEachOther is how far apart the lines of gateway and sidecar about one request may lie: each has the time at which
// the request reached it, by its own node's clock.
const besideEachOther = 2 * time.Second

// passage is what gateway and sidecar both say of a request: the pod's address, the path and the status.
type passage struct {
	host, path string
	status     int
}

func passageOf(s *model.Signal) passage { return passage{lastHost(s), s.Request.Path, s.Status} }

// ownAnswers are the failures that the mesh's proxies beside applications answered themselves. One that a filter answered names no
// upstream: it is of the pod whose log it is.
func (v *view) ownAnswers() map[passage][]model.Signal {
	out := map[passage][]model.Signal{}
	for _, log := range v.in.Logs {
		for _, s := range inbound(log) {
			k := passageOf(&s)
			if p, ok := v.s.Pods().Get(log.Pod.Namespace, log.Pod.Name); ok == snapshot.Present && k.host == "" {
				k.host = p.Status.PodIP
			}
			out[k] = append(out[k], s)
		}
	}
	return out
}

// passedOn gives the failures of a route that its gateway only passed on the reason that the mesh's proxy beside the
// application knows. To the gateway an answer which that proxy made itself looks like the application's: in its log it is the
// backend's own status (via_upstream), and only the sidecar's line has the flags that say what failed (istio.io, Envoy
// Access Logs).
//
// Where the logs of some pods were read only, the others' proxies stand for theirs: if all that the application seemed to answer
// at those pods with a status was the proxy's, it is at the others, too.
func (r *route) passedOn(answers map[passage][]model.Signal) {
	if len(answers) == 0 {
		return
	}
	heard := map[string]bool{} // pods of which the proxy's log was read
	for k := range answers {
		heard[k.host] = true
	}
	told := map[int]model.Signal{} // by status
	own := map[int]bool{}          // statuses that an application itself answered
	var rest []*model.Signal
	for i := range r.signals {
		s := &r.signals[i]
		if s.Failure != model.UpstreamStatus {
			continue
		}
		host := lastHost(s)
		by, ok := nearestTo(s.At, answers[passageOf(s)])
		switch {
		case ok:
			told[s.Status] = by
			s.Tries = by.Tries
			tellAs(s, by)
		case heard[host]:
			own[s.Status] = true
		default:
			rest = append(rest, s)
		}
	}
	for _, s := range rest {
		if by, ok := told[s.Status]; ok && !own[s.Status] {
			tellAs(s, by)
		}
	}
	if len(told) > 0 {
		r.observed = aggregate(r.String(), r.Object, r.signals, r.requests)
	}
}

// tellAs gives a failure the reason that another line tells.
func tellAs(s *model.Signal, by model.Signal) {
	s.Proxy, s.Failure, s.Reason, s.Source = by.Proxy, by.Failure, by.Reason, by.Source
	s.Raw, s.Access = by.Raw, cmp.Or(s.Access, s.Raw)
}

// inbound lists the requests that a sidecar took for its application and answered itself, in order of time. Its cluster for
// the application tells its lines from all others.
func inbound(log model.LogExcerpt) []model.Signal {
	envoy, ok := all.Named("envoy")
	if !ok {
		return nil
	}
	p := envoy.NewParser()
	var out []model.Signal
	for _, line := range log.Lines {
		if !strings.Contains(line, " inbound|") {
			continue
		}
		var s model.Signal
		if p.Parse([]byte(line), &s) != proxy.Access || s.Failure == model.NoFailure || s.Failure == model.UpstreamStatus {
			continue
		}
		s.Source = sourceOf(log)
		out = append(out, s)
	}
	slices.SortStableFunc(out, func(a, b model.Signal) int { return a.At.Compare(b.At) })
	return out
}

// nearestTo is the signal nearest in time, if it is near enough.
func nearestTo(at time.Time, ss []model.Signal) (model.Signal, bool) {
	if len(ss) == 0 {
		return model.Signal{}, false
	}
	best := slices.MinFunc(ss, func(a, b model.Signal) int { return cmp.Compare(a.At.Sub(at).Abs(), b.At.Sub(at).Abs()) })
	return best, best.At.Sub(at).Abs() <= besideEachOther
}
