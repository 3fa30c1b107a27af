package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func readinessProbeTooTight() Analyzer {
	return Analyzer{
		Cause:  "readiness-probe-too-tight",
		Doc:    "Finds readiness probes that give up before the application answers, though it answers well.",
		Inputs: podKinds(),
		run: func(v *view) []finding {
			var out []finding
			for _, w := range v.workloads {
				if f, ok := v.tight(w); ok {
					out = append(out, f)
				}
			}
			return out
		},
	}
}

// tight weighs what speaks for a probe whose time is too short: the kubelet gave up waiting, and the
// application says that it answered later, or the revision before was given more time.
func (v *view) tight(w *workload) (finding, bool) {
	pods := v.affected(w, "pods-not-ready")
	if len(pods) == 0 {
		return finding{}, false
	}
	field, c, ok := containerField(w, v.trouble(pods[0]).container, false)
	e := v.unhealthy(pods[0])
	if !ok || c.ReadinessProbe == nil || e == nil || !gaveUp(e.Message) {
		return finding{}, false
	}
	limit := max(1, c.ReadinessProbe.TimeoutSeconds)
	f := v.onWorkload(w, "readiness-probe-too-tight", 0, field+".readinessProbe.timeoutSeconds",
		fmt.Sprintf("the readiness probe of %s waits %d s, and the application takes longer to answer it, so %s %s unready", w.ref, limit, share(len(pods), w.size()), form(len(pods), "stays", "stay")), pods)
	if line, source, took := v.answeredLater(w, c.ReadinessProbe, time.Duration(limit)*time.Second); line != "" {
		f.Confidence = proven
		f = f.wants(fmt.Sprint(int(took/time.Second) + 2))
		f.Evidence = append(f.Evidence, model.Evidence{Kind: "app-log", Text: line, Source: source})
	}
	if b := beforeContainer(w, c.Name); b != nil && b.ReadinessProbe != nil && b.ReadinessProbe.TimeoutSeconds > limit {
		if _, good := w.fine(); good {
			f.Confidence = proven
			f = f.wants(fmt.Sprint(b.ReadinessProbe.TimeoutSeconds)).
				because("object", fmt.Sprintf("the revision that worked waited %d s", b.ReadinessProbe.TimeoutSeconds), snapshot.RefOf(w.before), w.rolledAt())
		}
	}
	if b := beforeContainer(w, c.Name); b != nil && b.Image == c.Image && f.Confidence == 0 && !equality.Semantic.DeepEqual(b.ReadinessProbe, c.ReadinessProbe) {
		if _, good := w.fine(); good {
			f.Confidence = likely
			f = f.because("object", fmt.Sprintf("revision %d changed the probe and not the image", snapshot.Revision(w.newest)), snapshot.RefOf(w.newest), w.rolledAt())
		}
	}
	if n, longest := v.answersLate(w, time.Duration(limit)*time.Second); n >= few && f.Confidence == 0 && wereReady(pods) {
		f.Confidence = likely
		f = f.because("proxy-log", fmt.Sprintf("%d requests were answered well by these pods, and later than the probe waits: after up to %s", n, longest.Round(100*time.Millisecond)), model.Ref{}, time.Time{})
	}
	f.dormant = f.dormant && !v.comeAndGo(w)
	return f, f.Confidence > 0
}

// comeAndGo reports whether the readiness probe of each of a workload's pods has been given up on lately: which of them are ready
// changes from moment to moment, and at times none is.
func (v *view) comeAndGo(w *workload) bool {
	return !slices.ContainsFunc(w.pods, func(p *corev1.Pod) bool {
		e := v.unhealthy(p)
		return e == nil || !gaveUp(e.Message) || v.s.At().Sub(snapshot.EventTime(e)) > starting
	})
}

// answersLate counts the requests that a workload's pods answered well and later than a time, and says how long the longest took:
// to whom its clients wait for long, a probe does so too.
func (v *view) answersLate(w *workload, limit time.Duration) (n int, longest time.Duration) {
	host := map[string]bool{}
	for _, p := range w.pods {
		host[p.Status.PodIP] = p.Status.PodIP != ""
	}
	for i := range v.in.Signals {
		s := &v.in.Signals[i]
		if s.ErrorLog || s.Status < 200 || s.Status > 299 || len(s.Tries) == 0 || !host[lastHost(s)] {
			continue // an upgraded connection lasts as long as its client likes
		}
		if took := s.Tries[len(s.Tries)-1].Duration; took >= limit {
			n++
			longest = max(longest, took)
		}
	}
	return n, longest
}

// wereReady reports whether pods that are not ready have been: they turned so long after their containers started, which run on.
func wereReady(pods []*corev1.Pod) bool {
	return !slices.ContainsFunc(pods, func(p *corev1.Pod) bool {
		c := path.PodCondition(p, corev1.PodReady)
		return c == nil || slices.ContainsFunc(p.Status.ContainerStatuses, func(st corev1.ContainerStatus) bool {
			return st.State.Running == nil || c.LastTransitionTime.Sub(st.State.Running.StartedAt.Time) < served
		})
	})
}

// gaveUp reports whether the kubelet says that a probe got no answer in time.
func gaveUp(message string) bool {
	return strings.Contains(message, "Client.Timeout exceeded") || strings.Contains(message, "context deadline exceeded") || strings.Contains(message, "timed out after") ||
		strings.Contains(message, "timeout: failed to connect") || strings.Contains(message, "i/o timeout") || strings.HasSuffix(message, "\" timed out")
}

// lasted and lastedMillis find lengths of time in a log line: 1.8s, took_ms=1800, "duration_ms": 1800.5.
var (
	lasted       = regexp.MustCompile(`\b\d+(?:\.\d+)?(?:ms|s)\b`)
	lastedMillis = regexp.MustCompile(`(?i)(?:ms|millis)"?[=:] ?"?(\d+(?:\.\d+)?)\b`)
)

// lengths lists the lengths of time in a log line.
func lengths(line string) []time.Duration {
	var out []time.Duration
	words := lasted.FindAllString(line, -1)
	for _, m := range lastedMillis.FindAllStringSubmatch(line, -1) {
		words = append(words, m[1]+"ms")
	}
	for _, word := range words {
		if d, err := time.ParseDuration(word); err == nil {
			out = append(out, d)
		}
	}
	return out
}

// A check that an application logs itself, and how it says that it went well.
var (
	aboutHealth = regexp.MustCompile(`(?i)\b(?:health|readiness|readyz?|healthz|ping)\b`)
	wentWell    = regexp.MustCompile(`\b200\b|(?i)\b(?:up|ok|healthy|passed|succeeded|success|ready)\b`)
	wentWrong   = regexp.MustCompile(`(?i)\b(?:down|fail\w*|error|unhealthy|timed? ?out|refused|not ready|exception)\b`)
)

// ofProbe reports whether an application's line is about a probe, by its path or by what it is, that it answered well.
func ofProbe(line, path string) bool {
	return (strings.Contains(line, path) || aboutHealth.MatchString(line)) && wentWell.MatchString(line) && !wentWrong.MatchString(line)
}

// answeredLater finds the application's own line about a probe that it answered well, but later than the
// kubelet waits.
func (v *view) answeredLater(w *workload, probe *corev1.Probe, limit time.Duration) (line, source string, took time.Duration) {
	if probe.HTTPGet == nil {
		return "", "", 0
	}
	for _, log := range v.in.Logs {
		if !v.ofWorkload(w, log.Pod) {
			continue
		}
		for _, l := range log.Lines {
			if !ofProbe(l, probe.HTTPGet.Path) {
				continue
			}
			for _, d := range lengths(l) {
				if d >= limit && d > took {
					line, source, took = strings.TrimSpace(l), log.Pod.Namespace+"/"+log.Pod.Name+"/"+log.Container, d
				}
			}
		}
	}
	return line, source, took
}

// startupTooSlow and what it is told from: a liveness or startup probe that kills what is still starting.
func startupTooSlow() Analyzer {
	return Analyzer{
		Cause:  "startup-too-slow",
		Doc:    "Finds containers that their probes kill while they are still starting.",
		Inputs: podKinds(),
		run: perWorkload("startup-too-slow", func(v *view, w *workload, pods []*corev1.Pod) finding {
			t := v.trouble(pods[0])
			field, c, ok := containerField(w, t.container, false)
			probe, budget := ".livenessProbe", time.Duration(0)
			if ok && c.StartupProbe != nil {
				probe, budget = ".startupProbe", patience(c.StartupProbe)
			} else if ok && c.LivenessProbe != nil {
				budget = patience(c.LivenessProbe)
			}
			f := v.onWorkload(w, "startup-too-slow", proven, field+probe,
				fmt.Sprintf("container %s of %s is killed after %s by its probe while it is still starting", t.container, w.ref, budget), pods)
			if line, source := v.lastWords(pods, t.container); line != "" {
				f.Evidence = append(f.Evidence, model.Evidence{Kind: "app-log", Text: line, Source: source})
			}
			return f
		}),
	}
}

// patience is how long a probe lets a container start before it is killed.
func patience(p *corev1.Probe) time.Duration {
	period, threshold := max(1, p.PeriodSeconds), max(1, p.FailureThreshold)
	return time.Duration(p.InitialDelaySeconds+period*threshold) * time.Second
}

// stillStarting reports whether a container that a probe killed had not come to listen: it was asked
// where it does listen, refused all the time, lived no longer than the probe is patient, and the last that
// it said is not that it serves.
func (v *view) stillStarting(w *workload, p *corev1.Pod, st corev1.ContainerStatus, said string) bool {
	_, c, ok := containerField(w, st.Name, false)
	if !ok || !strings.Contains(said, "connection refused") {
		return false
	}
	probe := c.StartupProbe
	if probe == nil {
		probe = c.LivenessProbe
	}
	port, _, known := path.ProbePort(c, probe)
	if !known || len(tcpPorts(c)) > 0 && !declaresPort(c, port) {
		return false
	}
	begun, serves := false, false
	for _, log := range v.in.Logs {
		if log.Pod.Name == p.Name && log.Previous == (lastEnd(st) != nil) { // else of another run than the one that was, or is being, killed
			b, s := starts(log.Lines)
			begun, serves = begun || b, serves || s
		}
	}
	return !serves && (begun || c.StartupProbe != nil)
}

// starts reads from what an application says whether it is getting ready to serve, and whether it serves.
func starts(lines []string) (begun, serves bool) {
	for _, l := range lines {
		low := strings.ToLower(l)
		begun = begun || strings.Contains(low, "starting") || strings.Contains(low, "loading") || strings.Contains(low, "initializ") || strings.Contains(low, "migrat") || strings.Contains(low, "warming")
		serves = serves || strings.Contains(low, "listening") || strings.Contains(low, "started in") || strings.Contains(low, "server started") || strings.Contains(low, "ready to accept")
	}
	return begun, serves
}

func declaresPort(c *corev1.Container, port int32) bool {
	for _, p := range tcpPorts(c) {
		if p.ContainerPort == port {
			return true
		}
	}
	return false
}
