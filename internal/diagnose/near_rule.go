package diagnose

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
)

// closest is the more specific rule of the same host that was probably meant for a request which a wider
// one took, or none.
func (v *view) closest(taken *route, req model.Request) (nearMiss, bool) {
	k := nearKey{taken, req.Host, req.Path}
	if m, known := v.nearby[k]; known {
		return m, m.field != ""
	}
	m, _ := v.findClosest(taken, req)
	if v.nearby == nil {
		v.nearby = map[nearKey]nearMiss{}
	}
	v.nearby[k] = m
	return m, m.field != ""
}

// nearKey is a request, and the rule that took it.
type nearKey struct {
	taken      *route
	host, path string
}

func (v *view) findClosest(taken *route, req model.Request) (nearMiss, bool) {
	best, found := nearMiss{far: guess}, false
	all := v.m.Routes()
	if slices.ContainsFunc(all, func(r path.Route) bool { return unservedFor(r, taken, req) }) {
		return best, false // no need to guess which rule was meant
	}
	for i := range all {
		if taken != nil && all[i].Host != taken.Host {
			best, found = v.nearer(best, found, taken, &all[i], req)
			continue
		}
		r := all[i]
		if r.Path == "/" || taken != nil && (r.Host != taken.Host || len(r.Path) <= len(taken.Path) || r.Gateway != taken.Gateway) {
			continue
		}
		m, ok := nearMiss{}, false
		switch {
		case taken != nil:
			m, ok = v.missesPath(r, req.Path)
		case req.Host == "" && r.Takes(req.Path): // the log does not say the host
			m, ok = nearMiss{Route: r, field: v.hostField(r), why: fmt.Sprintf("requests for %s come with another host than %s", r.Path, r.Host), far: 2}, r.Host != ""
		default:
			m, ok = v.miss(r, req)
		}
		if ok && m.far < best.far && (m.far == 0 || m.far > 0 && !v.busy(r)) {
			best, found = m, true
		}
	}
	return best, found
}

// nearer gives a rule for another host that was rather meant than the best one so far, else that one.
func (v *view) nearer(best nearMiss, found bool, taken *route, r *path.Route, req model.Request) (nearMiss, bool) {
	if m, ok := v.meantForHost(taken, r, req); ok && m.far < best.far {
		return m, true
	}
	return best, found
}

// meantForHost compares a request that a wider rule took with a rule for another host that has its very path: of the
// same namespace, for a host that is nearly the request's, and without a request of its own.
func (v *view) meantForHost(taken *route, r *path.Route, req model.Request) (nearMiss, bool) {
	if len(r.Path) <= len(taken.Path) || len(r.Path) == 1 || r.Gateway != taken.Gateway || r.Object.Namespace != taken.Object.Namespace || !r.Takes(req.Path) || v.busy(*r) {
		return nearMiss{}, false
	}
	host := strings.ToLower(cmp.Or(req.Host, taken.Host)) // nginx does not log it
	if m, ok := v.missesHost(*r, host); ok {
		return m, true
	}
	first, _, _ := strings.Cut(host, ".")
	if ruleFirst, _, _ := strings.Cut(r.Host, "."); first != ruleFirst {
		return nearMiss{}, false
	}
	return nearMiss{Route: *r, field: v.hostField(*r), want: text(host), far: 2, why: fmt.Sprintf("it is for host %s, not for %s", r.Host, host)}, true
}

// busy reports whether requests were seen on a rule.
func (v *view) busy(r path.Route) bool {
	o := v.route(r)
	return o != nil && o.requests > 0
}
