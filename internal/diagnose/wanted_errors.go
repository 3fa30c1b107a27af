package diagnose

import (
	"slices"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
)

// wantedErrors gives what tells of a route's failed requests that the error is the answer which the client asked for, as the application's
// own log has it; nil if none was. See also model.Signal.AskedFor.
func (v *view) wantedErrors(r *route, access []model.Signal) func(*model.Signal) bool {
	answered := func(s model.Signal) bool { return s.Failed() && s.Failure == model.UpstreamStatus }
	if len(r.legs) == 0 || !slices.ContainsFunc(access, answered) {
		return nil
	}
	fromCache, gone := v.onlyFromCache(r), v.goneHosts(r, access)
	return func(s *model.Signal) bool {
		if s.Failure != model.UpstreamStatus {
			return false
		}
		return fromCache && s.Status == 504 && s.Duration <= atOnce || slices.ContainsFunc(gone, func(host string) bool { return segmentAt(s.Request.Path, host) >= 0 })
	}
}

// onlyFromCache reports whether all requests that the application behind a route says to have answered 504 were those of clients who want
// what is in its cache or nothing: RFC 9111, 5.2.1.7, has a cache answer just that, and at once.
func (v *view) onlyFromCache(r *route) bool {
	n := 0
	for _, log := range v.in.Logs {
		if !isBehind(r, log.Pod) {
			continue
		}
		for _, line := range log.Lines {
			if m := requestForm.FindStringSubmatch(line); m == nil || m[2] != "504" {
				continue
			}
			if !strings.Contains(strings.ToLower(line), "only-if-cached") {
				return false
			}
			n++
		}
	}
	return n >= few
}

// goneHosts lists the names of hosts that clients ask an application to fetch from, as media of another home server or a picture through a
// proxy of pictures, and that do not exist: the application says so, others that it was asked for in the same place it reaches,
// so that it resolves names, and nothing in the cluster names them or serves a host of the same domain.
func (v *view) goneHosts(r *route, access []model.Signal) []string {
	var out []string
	for _, log := range v.in.Logs {
		if !isBehind(r, log.Pod) {
			continue
		}
		for _, line := range log.Lines {
			c, ok := v.read.call(line)
			if !ok || c.kind != model.NoRoute {
				continue
			}
			for _, p := range c.places {
				if !slices.Contains(out, p.host) && strings.Contains(p.host, ".") && !v.ownDomain(p.host) && v.reachesOthers(access, p.host) {
					out = append(out, p.host)
				}
			}
		}
	}
	return out
}

// reachesOthers reports whether more requests succeeded that name another host in the place of the path in which others name this one.
func (v *view) reachesOthers(access []model.Signal, host string) bool {
	failed, fine, place := 0, 0, -1
	for i := range access {
		if at := segmentAt(access[i].Request.Path, host); at >= 0 {
			failed, place = failed+1, at
		}
	}
	for i := range access {
		parts := strings.Split(access[i].Request.Path, "/")
		if s := &access[i]; s.Status/100 == 2 && place >= 0 && place < len(parts) && strings.Contains(parts[place], ".") && v.read.hostly.MatchString(parts[place]) {
			fine++
		}
	}
	return failed > 0 && fine > failed
}

// segmentAt is the place of a segment in a path; -1 if it has none.
func segmentAt(path, segment string) int { return slices.Index(strings.Split(path, "/"), segment) }

// ownDomain reports whether a name is one of the cluster's: of its Services, or under a domain of which its routes serve a host.
func (v *view) ownDomain(host string) bool {
	if strings.HasSuffix(host, ".svc") || strings.HasSuffix(host, ".local") {
		return true
	}
	domain := domainOf(host)
	return slices.ContainsFunc(v.m.Routes(), func(r path.Route) bool { return domainOf(r.Host) == domain })
}

// domainOf are the last two labels of a name.
func domainOf(host string) string {
	labels := strings.Split(host, ".")
	return strings.Join(labels[max(0, len(labels)-2):], ".")
}
