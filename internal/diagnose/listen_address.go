package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func wrongListenAddress() Analyzer {
	return Analyzer{
		Cause:  "wrong-listen-address",
		Doc:    "Finds workloads whose process listens on loopback only, so that nothing outside its pod can connect, or not on the IP family by which it is asked.",
		Inputs: []snapshot.Kind{snapshot.Services, snapshot.EndpointSlices, snapshot.Pods, snapshot.Deployments, snapshot.ReplicaSets, snapshot.Events},
		run: func(v *view) []finding {
			var out []finding
			for _, w := range v.workloads {
				for i, r := range w.routes {
					if f, ok := v.otherFamily(w, r, w.legs[i]); ok {
						out = append(out, f)
					} else if f, ok := v.loopback(w, r, w.legs[i]); ok {
						out = append(out, f)
					}
				}
			}
			return out
		},
	}
}

// loopback weighs what speaks for a process that listens on loopback only: the application's own
// words, an argument or environment variable, and connections that are refused on a port that is
// declared, by the gateway or by the kubelet's probe.
func (v *view) loopback(w *workload, r *route, l path.Leg) (finding, bool) {
	if l.Port == nil || len(w.pods) == 0 || r.works() {
		return finding{}, false
	}
	p := w.pods[0]
	for _, q := range w.pods {
		if w.current(q) {
			p = q
			break
		}
	}
	port, ok := path.TargetPort(*l.Port, &p.Spec)
	if !ok {
		return finding{}, false
	}
	refused := v.refusedOn(w, r, l, port)
	line := v.saysLoopback(w, port)
	field, setting := loopbackSetting(w, port)
	if line == "" && setting == "" && (refused == "" || v.refusesOtherwise(w, l, p, port)) {
		return finding{}, false
	}
	confidence := possible
	switch {
	case line != "" && (refused != "" || dead(l) || r.failures > 0 || len(v.probedListening(p)) > 0):
		confidence = proven
	case setting != "" && refused != "":
		confidence = proven
	case setting != "" || line != "":
		confidence = likely
	case refused != "":
		confidence = likely
	}
	if field == "" {
		field = "spec.template.spec.containers[0]"
	}
	f := find("wrong-listen-address", confidence, at(w.ref, field),
		fmt.Sprintf("%s listens on loopback only, so connections to port %d of its pods are refused", w.ref, port)).
		on(r).as(model.Refused, model.NoEndpoints).relates("workload", w.ref).relates("service", serviceRef(l)).relates("pod", snapshot.RefOf(p)).
		since(w.rolledAt())
	if line != "" {
		kind := "app-log"
		if len(v.probedListening(p)) > 0 {
			kind = "probe"
		}
		f = f.because(kind, line, snapshot.RefOf(p), time.Time{})
	}
	if setting != "" {
		f.Summary = fmt.Sprintf("%s sets %s, so it listens on loopback only and connections to port %d of its pods are refused", w.ref, setting, port)
		f = f.because("object", setting, w.ref, time.Time{})
	}
	if refused != "" {
		f = f.because("model", refused, snapshot.RefOf(p), time.Time{})
	}
	return withGood(f, w), true
}

// otherFamily finds pods that refuse what comes by their second address, of the IP family that the Service has and the
// process does not listen on. One that has answered by it once does listen there. A probe that passes on the port does not
// speak against it, as it does in loopback: the kubelet asks by the first address, and so proves that the process runs.
func (v *view) otherFamily(w *workload, r *route, l path.Leg) (finding, bool) {
	family := secondFamily(l)
	if family == "" || len(r.succeeded) > 0 || v.restarting(w) {
		return finding{}, false
	}
	ends := v.ownEnds(w, l)
	n := refusedAt(r, ends)
	if n == 0 || len(v.silent(ends)) < len(ends) {
		return finding{}, false
	}
	p, port := ends[0].Pod, ends[0].Port
	elsewhere, _ := v.listensElsewhere(w, p, port)
	_, setting := loopbackSetting(w, port)
	if elsewhere != 0 || v.elsewhere(p, port) != 0 || setting != "" || v.saysLoopback(w, port) != "" || !slices.Contains(path.Declared(p), port) {
		return finding{}, false
	}
	confidence := likely
	if slices.Contains(path.Proven(p), port) {
		confidence = proven
	}
	pod := snapshot.RefOf(p)
	f := find("wrong-listen-address", confidence, at(w.ref, "spec.template.spec.containers[0]"),
		fmt.Sprintf("%s does not listen on %s, by which %s leads to its pods, so connections to port %d are refused", w.ref, family, serviceRef(l), port)).
		on(r).as(model.Refused, model.NoEndpoints).relates("workload", w.ref).relates("service", serviceRef(l)).relates("pod", pod).since(w.rolledAt()).
		because("object", fmt.Sprintf("the first address of pod %s is %s, of the other family", pod.Name, p.Status.PodIP), pod, time.Time{}).
		because("model", fmt.Sprintf("%d connections to %s of ready pods were refused", n, family), pod, time.Time{})
	return withGood(f, w), true
}

// secondFamily is the IP family of a Service's ready endpoints, if all of them are addresses that their pods have beside a
// first one of the other family: the kubelet probes the first one only, so that nothing vouches for the second.
func secondFamily(l path.Leg) string {
	ends := l.ReadyEnds()
	for _, e := range ends {
		if e.Pod == nil || e.Pod.Status.PodIP == "" || familyOf(e.IP) == familyOf(e.Pod.Status.PodIP) || familyOf(e.IP) != familyOf(ends[0].IP) {
			return ""
		}
	}
	if len(ends) == 0 {
		return ""
	}
	return familyOf(ends[0].IP)
}

func familyOf(ip string) string {
	if strings.Contains(ip, ":") {
		return "IPv6"
	}
	return "IPv4"
}

// refusesOtherwise reports whether a pod that refuses connections to a port has another reason for it than its address:
// a probe shows that it listens there, it starts again just now, listens on another port, or was only just started: others
// of its revision, which are told the same, do answer.
func (v *view) refusesOtherwise(w *workload, l path.Leg, p *corev1.Pod, port int32) bool {
	elsewhere, _ := v.listensElsewhere(w, p, port)
	return elsewhere != 0 || !v.onlyDeclared(p, port) || v.restarting(w) || v.revisionAnswers(w, l)
}

// revisionAnswers reports whether an endpoint of the workload's current revision has answered a request that was seen.
func (v *view) revisionAnswers(w *workload, l path.Leg) bool {
	return slices.ContainsFunc(v.ownEnds(w, l), func(e path.End) bool {
		return e.Pod != nil && w.current(e.Pod) && !v.firstAnswer(e.IP).IsZero()
	})
}

// restarting reports whether a container of the workload died lately: while it starts again it refuses too.
func (v *view) restarting(w *workload) bool {
	return slices.ContainsFunc(w.pods, func(p *corev1.Pod) bool {
		return slices.ContainsFunc(p.Status.ContainerStatuses, func(st corev1.ContainerStatus) bool {
			last := lastEnd(st)
			return last != nil && v.s.At().Sub(last.FinishedAt.Time) < fresh
		})
	})
}

// refusedOn says how connections to a port of the workload's pods were refused; empty if they were
// not.
func (v *view) refusedOn(w *workload, r *route, l path.Leg, port int32) string {
	if n := refusedAt(r, v.silent(v.ownEnds(w, l))); n > 0 && path.Listens(w.pods[0], port).Verdict == model.OK {
		return fmt.Sprintf("%d connections to port %d of ready pods were refused", n, port)
	}
	for _, p := range w.pods {
		e := v.unhealthy(p)
		if path.Ready(p) || e == nil || !strings.Contains(e.Message, "connection refused") {
			continue
		}
		for i := range p.Spec.Containers {
			c := &p.Spec.Containers[i]
			if n, _, ok := path.ProbePort(c, c.ReadinessProbe); ok && n == port {
				return fmt.Sprintf("the readiness probe of pod %s is refused on port %d", p.Name, port)
			}
		}
	}
	return ""
}

// ownEnds are a backend's ready endpoints without those that are known to be of other workloads behind the same Service,
// which may listen elsewhere.
func (v *view) ownEnds(w *workload, l path.Leg) []path.End {
	return slices.DeleteFunc(slices.Clone(l.ReadyEnds()), func(e path.End) bool { return e.Pod != nil && v.s.WorkloadOf(e.Pod) != w.ref })
}

// silent are the ends that have answered no request that was seen: one that has does listen for all.
func (v *view) silent(ends []path.End) []path.End {
	return slices.DeleteFunc(slices.Clone(ends), func(e path.End) bool { return !v.firstAnswer(e.IP).IsZero() })
}

// onlyDeclared reports whether a ready pod declares the port and no probe over the network vouches
// for it: then a refused connection is best explained by the address on which it listens.
func (v *view) onlyDeclared(p *corev1.Pod, port int32) bool {
	return path.Ready(p) && slices.Contains(path.Declared(p), port) && len(path.Proven(p)) == 0 && v.elsewhere(p, port) == 0
}

// saysLoopback is the line in which one of a workload's current pods says that it listens on
// loopback; empty if there is none.
func (v *view) saysLoopback(w *workload, port int32) string {
	for _, p := range w.pods {
		if !w.current(p) {
			continue
		}
		line := ""
		for _, a := range v.listening(p) {
			if a.port == port && !a.loopback {
				return ""
			}
			if a.loopback && (a.port == port || a.port == 0) {
				line = a.line
			}
		}
		if line != "" {
			return line
		}
	}
	return ""
}

// loopbackName matches the names of flags and variables that set the address on which a server listens.
var loopbackName = regexp.MustCompile(`(?i)(^|[-_.])(listen|bind|host|addr|address|interface|ip)$|(?i)(^|[-_.])(listen|bind|http|server)[-_.]?(host|addr|address|ip|on|interface)?$`)

// loopbackValue matches a loopback address, or the word for it, with or without a port.
var loopbackValue = regexp.MustCompile(`^(?:https?://|tcp://)?(127\.\d+\.\d+\.\d+|localhost|loopback|\[?::1\]?)(?::(\d+))?/?$`)

// others matches variables that name something else than the server itself.
var others = regexp.MustCompile(`(?i)(db|redis|pg|postgres|mysql|mongo|kafka|rabbit|amqp|smtp|mail|cache|memcache|otel|jaeger|statsd|dd_|elastic|upstream|backend|proxy|api_url|metrics|admin|debug|pprof|grpc_health)`)

// loopbackSetting finds the argument or variable that makes a container listen on loopback.
func loopbackSetting(w *workload, port int32) (field, setting string) {
	for i, c := range w.template.template.Spec.Containers {
		prefix := fmt.Sprintf("spec.template.spec.containers[%d]", i)
		for _, e := range c.Env {
			if listensHere(e.Name, e.Value, port) {
				return fmt.Sprintf("%s.env[%s].value", prefix, e.Name), e.Name + "=" + e.Value
			}
		}
		if i, setting := loopbackWord(c.Args, port); setting != "" {
			return fmt.Sprintf("%s.args[%d]", prefix, i), setting
		}
		if i, setting := loopbackWord(c.Command, port); setting != "" {
			return fmt.Sprintf("%s.command[%d]", prefix, i), setting
		}
	}
	return "", ""
}

// loopbackWord finds the word of a command line that makes a server listen on loopback: flag=value,
// or the value after a flag.
func loopbackWord(words []string, port int32) (index int, setting string) {
	for i, word := range words {
		name, value, ok := strings.Cut(word, "=")
		at := i
		if !ok && i+1 < len(words) {
			at, value = i+1, words[i+1]
		}
		if name = strings.TrimLeft(name, "-"); listensHere(name, value, port) {
			return at, name + "=" + value
		}
	}
	return 0, ""
}

// listensHere reports whether a setting tells a server to listen on loopback, on the port if it
// names one.
func listensHere(name, value string, port int32) bool {
	m := loopbackValue.FindStringSubmatch(value)
	if m == nil || others.MatchString(name) {
		return false
	}
	if m[2] != "" {
		n, err := strconv.Atoi(m[2])
		return err == nil && int32(n) == port
	}
	return loopbackName.MatchString(name)
}

// listenAddress is an address on which an application says that it listens.
type listenAddress struct {
	loopback bool
	port     int32
	line     string
	probed   bool // seen by a probe, not said by the application
}

// listenLine matches a server's own words on where it listens, in text and in JSON logs.
var listenLine = regexp.MustCompile(`(?i)\b(listen(?:ing|s)?|serving|bound|binding|running on|started|starting|ready on|accepting)\b`)

var listenWhere = regexp.MustCompile(`(?i)(127\.0\.0\.1|localhost|\[::1\]|0\.0\.0\.0|\[::\]|\*|\baddr(?:ess)?["=: ]+|\bport["=: ]+|\bon |\bat |\s|")(?:"?:|"?)?(\d{2,5})\b`)

// listening gives the addresses on which a pod was found to listen, if somebody looked; else those on which the
// application says that it does, in its logs.
func (v *view) listening(p *corev1.Pod) []listenAddress {
	out := v.probedListening(p)
	if len(out) > 0 {
		return out
	}
	ref, says, where := snapshot.RefOf(p), listenLine, listenWhere
	for _, log := range v.in.Logs {
		if log.Pod.Namespace != ref.Namespace && log.Pod.Namespace != "" || log.Pod.Name != ref.Name || log.Previous {
			continue
		}
		for _, line := range log.Lines {
			if !says.MatchString(line) {
				continue
			}
			for _, m := range where.FindAllStringSubmatch(line, -1) {
				if a, ok := addressIn(m); ok {
					a.line = strings.TrimSpace(line)
					out = append(out, a)
				}
			}
		}
	}
	return out
}

// addressIn reads a match of [listenWhere]: the whole, what stands before the number, the number.
func addressIn(m []string) (listenAddress, bool) {
	host := strings.ToLower(m[1])
	loopback := host == "127.0.0.1" || host == "localhost" || host == "[::1]"
	everywhere := host == "0.0.0.0" || host == "[::]" || host == "*"
	if !loopback && !everywhere && !portly(m[1], m[0]) {
		return listenAddress{}, false
	}
	n, err := strconv.Atoi(m[2])
	if err != nil || n < 80 || n > 65535 {
		return listenAddress{}, false
	}
	return listenAddress{loopback: loopback, port: int32(n)}, true
}

// portly reports whether a number without a host is meant as a port: it follows a colon or the word.
func portly(before, all string) bool {
	b := strings.ToLower(before)
	return strings.Contains(all, ":") && !strings.Contains(b, "port") || strings.HasPrefix(b, "port")
}
