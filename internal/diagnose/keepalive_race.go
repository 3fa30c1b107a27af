package diagnose

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
)

// What a keep-alive race looks like.
const (
	// A connection that was closed before the request arrived fails within a round trip. A process that
	// dies over its work has begun it.
	atOnce = 50 * time.Millisecond
	// Of the requests only the few fail that come in the moment of the closing.
	smallShare = 4 // one in so many, at most
	// Where nothing but the share tells how long connections rest, it must be smaller: a third of the
	// requests of a busy route does not meet a connection that is just being closed.
	unprovenShare = 20
	soonAfter     = time.Minute // a rollout's own errors begin
)

func keepaliveRace() Analyzer {
	return Analyzer{
		Cause:  "keepalive-race",
		Doc:    "Finds workloads that close idle connections sooner than the proxy stops reusing them.",
		Inputs: podKinds(), stage: byWords,
		run: func(v *view) []finding {
			var out []finding
			for _, w := range v.workloads {
				if f, ok := v.idleRace(w); ok {
					out = append(out, f)
				}
			}
			return out
		},
	}
}

// idleRace looks for requests that living pods broke off before any byte of an answer, now and then.
func (v *view) idleRace(w *workload) (finding, bool) {
	if w.serving == 0 || v.explainedWorkload(w) {
		return finding{}, false
	}
	t := v.fatesOf(w)
	broken := v.broken(w, t)
	answered := answeredSince(t.routes, broken)
	if len(broken) < 2 || len(broken)*2 < len(t.all) || answered < len(broken)*(smallShare-1) || bunched(broken, t.routes) || v.crashes(w, broken) {
		return finding{}, false
	}
	server := w.idle(v)
	idle := v.idleBefore(broken)
	if server.timeout == 0 && !idle.tells() && slices.ContainsFunc(broken, func(s *model.Signal) bool { return s.Failure == model.OtherFailure }) {
		return finding{}, false // the access log alone does not tell closed from refused
	}
	first, last := span(broken)
	if server.timeout == 0 && !idle.tells() && (len(broken) < 3 || last.Sub(first) < quiet || v.newOnesBreakOff(w)) {
		return finding{}, false // it happens, or it is what the new revision does
	}
	confidence := likely
	if idle.tells() || server.timeout > 0 && server.timeout < time.Minute {
		confidence = proven
	}
	f := find("keepalive-race", confidence, at(w.ref, server.field),
		fmt.Sprintf("%s closes idle connections while the proxy still uses them: %d of %d requests were broken off before any byte of an answer, at pods that live and are ready, now and then from %s to %s", w.ref, len(broken), answered+len(t.all), clock(first), clock(last))).
		on(t.routes...).as(model.ClosedEarly, model.Reset, model.OtherFailure).covering(broken).since(first).
		relates("workload", w.ref).relates("service", w.service()).
		because("proxy-log", fmt.Sprintf("%d requests were closed or reset within %s of being sent: %s", len(broken), atOnce, broken[0].Reason), w.ref, first)
	if server.why != "" {
		f = f.because("object", server.why, w.ref, time.Time{})
	}
	if idle.tells() {
		f = f.because("proxy-log", idle.String(), w.ref, first)
	}
	return f, true
}

// newOnesBreakOff reports whether requests are broken off since the newest revision came and not before, among others that
// are answered, and too many of them for a race.
func (v *view) newOnesBreakOff(w *workload) bool {
	t, came := v.fatesOf(w), w.rolledAt()
	broken := v.broken(w, t)
	answered := answeredSince(t.routes, broken)
	if came.IsZero() || v.s.At().Sub(came) > time.Hour || len(broken) < 3 || len(broken)*unprovenShare < answered+len(broken) {
		return false
	}
	if w.idle(v).timeout > 0 || v.idleBefore(broken).tells() {
		return false
	}
	first, _ := span(broken)
	return !first.Before(came) && first.Sub(came) < soonAfter && !bunched(broken, t.routes)
}

// answeredSince counts the requests that succeeded since the first of some that failed: how long before that it went well
// says nothing of their share.
func answeredSince(routes []*route, failed []*model.Signal) int {
	if len(failed) == 0 {
		return 0
	}
	first, _ := span(failed)
	n := 0
	for _, r := range routes {
		i, _ := slices.BinarySearchFunc(r.succeeded, first, time.Time.Compare)
		n += len(r.succeeded) - i
	}
	return n
}

// broken lists the requests that living pods broke off.
func (v *view) broken(w *workload, t *fates) []*model.Signal {
	var out []*model.Signal
	for _, s := range t.of(alive, untold) {
		if _, known := t.lives[s]; brokenOff(s) && (known || !timely(s, t.stops)) && !v.died(w, s.At) {
			out = append(out, s)
		}
	}
	return out
}

// brokenOff reports whether a request failed as one does on a connection that the backend had closed.
func brokenOff(s *model.Signal) bool {
	switch s.Failure {
	case model.ClosedEarly, model.Reset:
	case model.OtherFailure:
		if s.Status != 502 {
			return false
		}
	default:
		return false
	}
	took := s.Duration
	if len(s.Tries) > 0 && s.Tries[len(s.Tries)-1].Duration > 0 {
		took = s.Tries[len(s.Tries)-1].Duration
	}
	return took <= atOnce
}

// fatalWords matches what an application says that dies.
var fatalWords = regexp.MustCompile(`(?i)\bpanic:|segmentation fault|core dumped|sigsegv|sigkill|worker timeout|out of memory`)

// crashes reports whether the application breaks over certain requests: it says so, or they are all for one
// path that never succeeds. How long a connection rested has nothing to do with what is asked.
func (v *view) crashes(w *workload, broken []*model.Signal) bool {
	if slices.ContainsFunc(v.logsOf(w), fatalWords.MatchString) {
		return true
	}
	one := broken[0].Request
	if len(broken) < 3 || slices.ContainsFunc(broken, func(s *model.Signal) bool { return s.Request.Path != one.Path }) {
		return false
	}
	return !slices.ContainsFunc(v.in.Signals, func(s model.Signal) bool {
		return !s.Failed() && s.Request.Path == one.Path && s.Request.Host == one.Host
	})
}

// bunched reports whether failures came all at one time, and not now and then between answers.
func bunched(ss []*model.Signal, routes []*route) bool {
	first, last := span(ss)
	return last.Sub(first) < time.Second || !slices.ContainsFunc(routes, func(r *route) bool {
		i, _ := slices.BinarySearchFunc(r.succeeded, first, time.Time.Compare)
		return i < len(r.succeeded) && r.succeeded[i].Before(last)
	})
}

// died reports whether a container of the workload ended around a time: what it was doing broke off then.
func (v *view) died(w *workload, at time.Time) bool {
	for _, l := range v.podsIn(w.ref.Namespace).Of(w.ref) {
		for _, d := range l.Deaths {
			if at.After(d.Add(-beforeStop)) && at.Before(d.Add(afterStop)) {
				return true
			}
		}
	}
	return false
}

// idleness is how long the places of the failed requests had rested before them.
type idleness struct {
	least, longest time.Duration
	sooner, all    int // requests that were answered: after a shorter rest, and all whose rest is known
	failed         int
}

// tells reports whether the rests tell: each failure came after one, of about the same length, and hardly
// any answer did.
func (i idleness) tells() bool {
	return i.failed >= 2 && i.least >= time.Second && i.longest-i.least <= max(i.least/2, time.Second) && i.all >= 5 && i.sooner*10 >= i.all*5
}

func (i idleness) String() string {
	rest := fmt.Sprintf("%.1f s", i.least.Seconds())
	if d := i.longest - i.least; d >= 100*time.Millisecond {
		rest = fmt.Sprintf("%.1f to %.1f s", i.least.Seconds(), i.longest.Seconds())
	}
	return fmt.Sprintf("each of %d failed requests came when its upstream had rested for %s; of %d answered ones, %d came sooner", i.failed, rest, i.all, i.sooner)
}

// idleBefore measures how long the upstreams of the failed requests had rested, by the lines of the same
// gateway. With many connections side by side, one of them may have rested longer than this tells.
func (v *view) idleBefore(broken []*model.Signal) idleness {
	type place struct{ gateway, address string }
	failed := map[place]map[time.Time]bool{}
	for _, s := range broken {
		if len(s.Tries) == 0 {
			return idleness{}
		}
		p := place{s.Gateway.Name, s.Tries[len(s.Tries)-1].Address}
		if failed[p] == nil {
			failed[p] = map[time.Time]bool{}
		}
		failed[p][s.At] = true
	}
	out, before := idleness{}, map[place]time.Time{}
	var rests []time.Duration
	for _, s := range v.tried() {
		p := place{s.Gateway.Name, s.Tries[len(s.Tries)-1].Address}
		if failed[p] == nil {
			continue
		}
		rest := s.At.Add(-s.Duration).Sub(before[p])
		known := !before[p].IsZero()
		before[p] = s.At
		switch {
		case !known:
		case !failed[p][s.At]:
			rests = append(rests, rest)
		case !s.Failed():
		default:
			if out.failed == 0 || rest < out.least {
				out.least = rest
			}
			out.longest = max(out.longest, rest)
			out.failed++
		}
	}
	for _, r := range rests {
		out.all++
		if r < out.least {
			out.sooner++
		}
	}
	return out
}

// tried lists the requests for which a proxy names an upstream, in order of time.
func (v *view) tried() []*model.Signal {
	var out []*model.Signal
	for i := range v.in.Signals {
		if s := &v.in.Signals[i]; !s.ErrorLog && len(s.Tries) > 0 {
			out = append(out, s)
		}
	}
	slices.SortStableFunc(out, func(a, b *model.Signal) int { return a.At.Compare(b.At) })
	return out
}

// keepAlive is what is known of how long a container keeps idle connections.
type keepAlive struct {
	field   string        // of the workload that sets it, or would
	timeout time.Duration // 0: not known
	why     string
}

// idle looks for what a workload's serving container says of its keep-alive time: a setting, else the
// default of the server that it runs.
func (w *workload) idle(v *view) keepAlive {
	hook, c := v.stopHook(w)
	if c == nil {
		return keepAlive{}
	}
	field := strings.TrimSuffix(hook, ".lifecycle.preStop")
	if s, ok := keepAliveSetting(c); ok {
		s.field = field + s.field
		return s
	}
	if name, d, ok := keepAliveDefault(c, v.logsOf(w)); ok {
		return keepAlive{field: field + optionsOf(c, name), timeout: d, why: fmt.Sprintf("container %s runs %s, which closes idle connections after %s unless told otherwise; proxies keep them for a minute or more", c.Name, name, d)}
	}
	return keepAlive{field: field}
}

// optionsOf is the list that a server's options belong to, where it is started by its name and takes them on its command line.
func optionsOf(c *corev1.Container, server string) string {
	named := slices.ContainsFunc(slices.Concat(c.Command, c.Args), func(word string) bool { return path.Base(word) == server })
	switch {
	case !named:
		return ""
	case len(c.Args) > 0:
		return ".args"
	default:
		return ".command"
	}
}

// logsOf are the lines of the logs of a workload's pods.
func (v *view) logsOf(w *workload) []string {
	var out []string
	for _, l := range v.in.Logs {
		if slices.ContainsFunc(w.pods, func(p *corev1.Pod) bool { return p.Name == l.Pod.Name && p.Namespace == l.Pod.Namespace }) {
			out = append(out, l.Lines...)
		}
	}
	return out
}

// keepAliveSetting finds an argument or a variable that sets the time: uvicorn's --timeout-keep-alive,
// gunicorn's --keep-alive, Next.js' --keepAliveTimeout, KEEP_ALIVE_TIMEOUT and the like.
func keepAliveSetting(c *corev1.Container) (keepAlive, bool) {
	for _, list := range []struct {
		name  string
		words []string
	}{{"command", c.Command}, {"args", c.Args}} {
		for i, a := range list.words {
			name, value, joined := strings.Cut(a, "=")
			if !strings.HasPrefix(name, "-") || !aboutIdle(name) {
				continue
			}
			if !joined && i+1 < len(list.words) {
				value = list.words[i+1]
				i++
			}
			if d, ok := period(value); ok {
				return keepAlive{fmt.Sprintf(".%s[%d]", list.name, i), d, fmt.Sprintf("container %s is told %s %s: it closes idle connections after %s", c.Name, name, value, d)}, true
			}
		}
	}
	for i, e := range c.Env {
		if d, ok := period(e.Value); ok && aboutIdle(e.Name) {
			return keepAlive{fmt.Sprintf(".env[%d].value", i), d, fmt.Sprintf("container %s has %s=%s: it closes idle connections after %s", c.Name, e.Name, e.Value, d)}, true
		}
	}
	return keepAlive{}, false
}

// aboutIdle reports whether a setting's name is about how long idle connections are kept.
func aboutIdle(name string) bool {
	flat := strings.NewReplacer("-", "", "_", "", ".", "").Replace(strings.ToLower(name))
	return strings.Contains(flat, "keepalive") && !strings.Contains(flat, "probe") && !strings.Contains(flat, "interval") ||
		strings.Contains(flat, "idletimeout") || strings.Contains(flat, "persistenttimeout")
}

// period reads "5", "5s", "5000ms" and "5000"; numbers as large as that are milliseconds.
func period(text string) (time.Duration, bool) {
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return d, true
	}
	n := 0
	if _, err := fmt.Sscanf(text, "%d", &n); err != nil || n <= 0 || fmt.Sprint(n) != text {
		return 0, false
	}
	if n >= 1000 {
		return time.Duration(n) * time.Millisecond, true
	}
	return time.Duration(n) * time.Second, true
}

// keepAliveDefault names the application server that a container runs, and its idle time: Node's
// server.keepAliveTimeout 5 s, uvicorn's --timeout-keep-alive 5 s, gunicorn's --keep-alive 2 s,
// Hypercorn's keep_alive_timeout 5 s, Apache's KeepAliveTimeout 5 s, Puma's persistent_timeout 20 s. The
// first two say in their logs that they run.
func keepAliveDefault(c *corev1.Container, logs []string) (name string, timeout time.Duration, ok bool) {
	said := func(text string) bool {
		return slices.ContainsFunc(logs, func(line string) bool { return strings.Contains(line, text) })
	}
	switch {
	case said("Uvicorn running on "):
		return "uvicorn", 5 * time.Second, true
	case said("Starting gunicorn "):
		return "gunicorn", 2 * time.Second, true
	}
	words := strings.FieldsFunc(strings.ToLower(strings.Join(append(append([]string{c.Image}, c.Command...), c.Args...), " ")), func(r rune) bool {
		return strings.ContainsRune(" /:@\"'=;&|,", r)
	})
	for _, s := range []struct {
		word, name string
		timeout    time.Duration
	}{
		{"gunicorn", "gunicorn", 2 * time.Second},
		{"uvicorn", "uvicorn", 5 * time.Second},
		{"hypercorn", "Hypercorn", 5 * time.Second},
		{"node", "Node.js", 5 * time.Second}, {"nodejs", "Node.js", 5 * time.Second},
		{"npm", "Node.js", 5 * time.Second}, {"yarn", "Node.js", 5 * time.Second}, {"pnpm", "Node.js", 5 * time.Second}, {"next", "Node.js", 5 * time.Second},
		{"httpd", "Apache", 5 * time.Second}, {"apache2-foreground", "Apache", 5 * time.Second},
		{"puma", "Puma", 20 * time.Second},
	} {
		if slices.ContainsFunc(words, func(w string) bool {
			return w == s.word || strings.HasPrefix(w, s.word+"-") || strings.HasSuffix(w, "-"+s.word)
		}) {
			return s.name, s.timeout, true
		}
	}
	return "", 0, false
}
