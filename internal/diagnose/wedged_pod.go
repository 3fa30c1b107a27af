package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// One pod of a gateway may be stuck and stay ready all the same, where not nginx answers its probe but the controller beside it
// (nginx/kubernetes-ingress: -ready-status). Then it keeps its share of the connections and answers none, which no gateway logs.

// nginxStopped matches the last words of an nginx that is stuck: it was told to read its configuration anew, and has not said since
// that it starts workers (nginx/nginx, src/os/unix/ngx_process_cycle.c, ngx_master_process_cycle); a worker ended by an error at its
// start, after which the master starts none in its place and goes on holding the sockets (ngx_reap_children); or its controller's, to
// whom it does not answer which configuration it has (nginx/kubernetes-ingress, internal/nginx/verify.go).
var nginxStopped = regexp.MustCompile(`\[notice\] .*\breconfiguring$|\[alert\] .*\bworker process \d+ exited with fatal code 2 and cannot be respawned$|config-version/configVersion.*(?:resource temporarily unavailable|deadline exceeded|Client\.Timeout|i/o timeout)`)

// nginxWentOn matches what an nginx says that goes on, with its new configuration or the one before.
var nginxWentOn = regexp.MustCompile(`start worker process|gracefully shutting down|\[emerg\]`)

// dayAndTime matches when nginx or its controller said something: 2026/05/01 11:50:00, E20260501 11:50:00.
var dayAndTime = regexp.MustCompile(`^[IWEF]?(\d{4})/?(\d\d)/?(\d\d) (\d\d:\d\d:\d\d)`)

// stillFor is how long a stuck pod must have answered nothing while others of its gateway answered, and goneOn how many
// requests these must have had.
const (
	stillFor = time.Minute
	goneOn   = 10
)

// stuckPods finds pods of gateways that are ready and have answered nothing since words of a stuck nginx, while the other pods
// of the gateway go on.
func (v *view) stuckPods() []finding {
	var out []finding
	for _, log := range v.in.Logs {
		words, since := lastStopped(log)
		fleet, known := v.m.FleetOf(log.Pod)
		if since.IsZero() || !known {
			continue
		}
		i := slices.IndexFunc(fleet.Pods, func(p *corev1.Pod) bool { return p.Name == log.Pod.Name })
		p := fleet.Pods[i]
		if !path.Ready(p) || p.DeletionTimestamp != nil || !v.stillSince(fleet, p, since) {
			continue
		}
		s := ownWords{text: words, source: sourceOf(log), fleet: fleet, known: true}
		if routes := v.governs(s); len(routes) > 0 {
			out = append(out, stuckPod(p, routes, s, since))
		}
	}
	return out
}

func stuckPod(p *corev1.Pod, routes []*route, s ownWords, since time.Time) finding {
	ref := snapshot.RefOf(p)
	f := find("proxy-process-wedged", likely, at(ref, ""), fmt.Sprintf("%s of the gateway of %s is ready and has answered nothing since %s, while the other pods of %s go on", ref, routesText(routes), clock(since), s.fleet.Object)).
		on(routes...).as(byStuckProxy()...).relates("pod", ref).since(since)
	f.Evidence = append(f.Evidence, s.evidence())
	f.unlogged = true
	return f
}

// lastStopped is the last line of a log by which nginx is stuck, if nothing after it says that it went on, and its time.
func lastStopped(log model.LogExcerpt) (line string, since time.Time) {
	if log.Previous {
		return "", time.Time{}
	}
	for _, l := range slices.Backward(log.Lines) {
		l = strings.TrimSpace(l)
		switch {
		case nginxWentOn.MatchString(l):
			return "", time.Time{}
		case nginxStopped.MatchString(l):
			return l, nginxTime(l)
		}
	}
	return "", time.Time{}
}

// nginxTime is when an nginx or its controller said a line; zero if that does not say it.
func nginxTime(line string) time.Time {
	m := dayAndTime.FindStringSubmatch(line)
	if m == nil {
		return time.Time{}
	}
	at, err := time.Parse("20060102 15:04:05", m[1]+m[2]+m[3]+" "+m[4])
	if err != nil {
		return time.Time{}
	}
	return at
}

// stillSince reports whether a pod of a gateway that had answered requests has answered none since a time, while others did.
func (v *view) stillSince(f path.Fleet, pod *corev1.Pod, since time.Time) bool {
	before, others, end := 0, 0, since
	for i := range v.in.Signals {
		s := &v.in.Signals[i]
		its := func(p *corev1.Pod) bool { return p.Name == s.Gateway.Name && p.Namespace == s.Gateway.Namespace }
		after := s.At.After(since.Add(time.Second)) // both logs have whole seconds
		switch {
		case s.ErrorLog:
		case its(pod) && after:
			return false
		case its(pod):
			before++
		case after && slices.ContainsFunc(f.Pods, its):
			others++
			if s.At.After(end) {
				end = s.At
			}
		}
	}
	return before >= few && others >= goneOn && end.Sub(since) >= stillFor
}
