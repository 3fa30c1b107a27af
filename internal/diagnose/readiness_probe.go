package diagnose

import (
	"cmp"
	"fmt"
	slash "path"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/timeline"
)

func readinessProbeMisconfigured() Analyzer {
	return Analyzer{
		Cause: "readiness-probe-misconfigured", Doc: "Finds readiness probes that ask a path, port, scheme or command that the application does not have.", Inputs: podKinds(),
		run: func(v *view) []finding {
			var out []finding
			for _, w := range v.workloads {
				pods := v.affected(w, "pods-not-ready")
				if len(pods) == 0 {
					continue
				}
				if f, ok := v.readinessProbe(w, pods); ok {
					out = append(out, f)
				}
			}
			return out
		},
	}
}

func (v *view) readinessProbe(w *workload, pods []*corev1.Pod) (finding, bool) {
	p := pods[0]
	t := v.trouble(p)
	field, c, ok := containerField(w, t.container, false)
	if !ok || c.ReadinessProbe == nil {
		return finding{}, false
	}
	said := ""
	if e := v.unhealthy(p); e != nil {
		said = e.Message
	}
	wrong := v.judgeProbe(w, c, c.ReadinessProbe, said, "readinessProbe")
	if wrong.confidence == 0 {
		return finding{}, false
	}
	if wrong.confidence < seen && v.refusedLoopback(w, c) {
		return finding{}, false // nothing listens where anybody could ask
	}
	f := v.onWorkload(w, "readiness-probe-misconfigured", wrong.confidence, field+".readinessProbe"+wrong.field,
		fmt.Sprintf("the readiness probe of %s %s, so %s never %s ready", w.ref, wrong.why, share(len(pods), w.size()), form(len(pods), "becomes", "become")), pods)
	if wrong.proof != "" {
		f = f.because("object", wrong.proof, w.ref, time.Time{})
	}
	return f.wants(wrong.wanted), true
}

// refusedLoopback reports whether the workload itself says that it listens on loopback.
func (v *view) refusedLoopback(w *workload, c *corev1.Container) bool {
	port, _, ok := path.ProbePort(c, c.ReadinessProbe)
	if !ok {
		return false
	}
	_, setting := loopbackSetting(w, port)
	return setting != "" || v.saysLoopback(w, port) != ""
}

// probeFault is what is wrong with a probe.
type probeFault struct {
	field      string // below the probe: ".httpGet.path"
	why        string
	wanted     string // JSON
	proof      string
	confidence float64 // 0: nothing is
}

// probedStatus finds the status in the kubelet's words on a failed probe.
var probedStatus = regexp.MustCompile(`statuscode: (\d+)`)

// judgeProbe reads the kubelet's words on a failed probe against what the container declares, what
// the application says and the probe of the revision that worked.
func (v *view) judgeProbe(w *workload, c *corev1.Container, probe *corev1.Probe, said, name string) probeFault {
	former := formerProbe(w, c.Name, name)
	_, good := w.fine()
	if !good {
		former = nil
	}
	status := probedStatus.FindStringSubmatch(said)
	switch {
	case probe.HTTPGet != nil && status != nil && slices.Contains([]string{"404", "405", "401", "403", "301", "302", "400", "410"}, status[1]):
		if status[1] == "400" && probe.HTTPGet.Scheme != corev1.URISchemeHTTPS && (former == nil || former.HTTPGet == nil || former.HTTPGet.Scheme != corev1.URISchemeHTTPS) {
			return v.badRequest(w, c, probe)
		}
		return wrongPage(c, probe, former, status[1])
	case probe.HTTPGet != nil && strings.Contains(said, "server gave HTTP response to HTTPS client"):
		return probeFault{field: ".httpGet.scheme", why: "asks over HTTPS and the application speaks HTTP", wanted: text("HTTP"), confidence: seen}
	case probe.HTTPGet != nil && (strings.Contains(said, "malformed HTTP response") || strings.Contains(said, "\\x15\\x03")):
		return probeFault{field: ".httpGet.scheme", why: "asks over HTTP and the application speaks TLS", wanted: text("HTTPS"), confidence: seen}
	case probe.GRPC != nil && strings.Contains(said, "unknown service"):
		return grpcHealth(probe, said)
	case probe.Exec != nil && (strings.Contains(said, "executable file not found") || strings.Contains(said, "no such file or directory") || strings.Contains(said, "not found")):
		return probeFault{field: ".exec.command", why: "runs a command that the container does not have: " + strings.TrimSpace(said), confidence: seen}
	case probe.Exec != nil && name == "readinessProbe" && looksIntoFile(probe.Exec.Command) && v.quiet(w):
		return probeFault{field: ".exec.command", why: fmt.Sprintf("looks into a file (%s) for what the application, which runs and complains of nothing, does not write", strings.Join(probe.Exec.Command, " ")), confidence: likely}
	}
	return v.judgeProbePort(w, c, probe, former, said)
}

// wrongPage judges a probe over HTTP that is answered with a status that says that there is no such page, or none for it.
func wrongPage(c *corev1.Container, probe, former *corev1.Probe, status string) probeFault {
	f := probeFault{field: ".httpGet.path", why: fmt.Sprintf("asks for %s and gets status %s", probe.HTTPGet.Path, status), confidence: seen}
	if former != nil && former.HTTPGet != nil && former.HTTPGet.Path != probe.HTTPGet.Path {
		f.wanted, f.proof = text(former.HTTPGet.Path), "the revision that worked asked for "+former.HTTPGet.Path
	} else if other := otherProbe(c, probe); other != nil && other.HTTPGet != nil && other.HTTPGet.Path != probe.HTTPGet.Path && other.HTTPGet.Port == probe.HTTPGet.Port {
		f.wanted, f.proof = text(other.HTTPGet.Path), "the container's other probe asks for "+other.HTTPGet.Path+" on the same port and passes"
	} else if other != nil && status == "404" && sameServer(c, probe, other) {
		right, _, _ := path.ProbePort(c, other)
		f.field, f.wanted = ".httpGet.port", intstrJSON(other, right)
		f.why = fmt.Sprintf("asks for %s on port %s and gets status 404", probe.HTTPGet.Path, probe.HTTPGet.Port.String())
		f.proof = fmt.Sprintf("the container's other probe asks for %s on port %s and passes", other.HTTPGet.Path, other.HTTPGet.Port.String())
	}
	return f
}

// badRequest judges a probe over HTTP that is answered 400. Servers of TLS answer so (net/http, nginx), and applications that were not told
// of the host by which the kubelet calls them: the pod's address, where the probe gives no other (kubernetes.io, "Configure Liveness,
// Readiness and Startup Probes", HTTP probes).
func (v *view) badRequest(w *workload, c *corev1.Container, probe *corev1.Probe) probeFault {
	named := slices.ContainsFunc(probe.HTTPGet.HTTPHeaders, func(h corev1.HTTPHeader) bool { return strings.EqualFold(h.Name, "Host") })
	for _, line := range v.logsOf(w) {
		if !named && strangeHost.MatchString(line) && slices.ContainsFunc(w.pods, func(p *corev1.Pod) bool { return p.Status.PodIP != "" && strings.Contains(line, p.Status.PodIP) }) {
			return probeFault{field: ".httpGet.httpHeaders (missing)", why: "asks for the pod's own address as its host, for which the application does not answer (status 400)", proof: strings.TrimSpace(line), confidence: seen}
		}
	}
	port, _, _ := path.ProbePort(c, probe)
	if forTLS(port, "") || declaresTLS(c.Ports, port) {
		return probeFault{field: ".httpGet.scheme", why: "asks over HTTP and gets status 400; the port may speak HTTPS", confidence: likely, wanted: text("HTTPS")}
	}
	return probeFault{field: ".httpGet", why: "asks over HTTP and gets status 400; the port may speak HTTPS, or the application may not answer for the pod's own address", confidence: likely}
}

// grpcHealth reads what a gRPC server answers that has no health of the service that is asked for (NotFound), or no health
// service at all (Unimplemented): grpc/grpc, doc/health-checking.md.
func grpcHealth(probe *corev1.Probe, said string) probeFault {
	if strings.Contains(said, "grpc.health.v1.Health") {
		return probeFault{field: ".grpc", why: "asks over gRPC for a health service that the application does not have", confidence: seen}
	}
	service := ""
	if probe.GRPC.Service != nil {
		service = *probe.GRPC.Service
	}
	return probeFault{field: ".grpc.service", why: fmt.Sprintf("asks for the health of service %q, which the application does not know", service), confidence: seen, wanted: text("")}
}

// looksIntoFile reports whether a command only looks whether a file is there, or what it holds.
func looksIntoFile(command []string) bool {
	words := strings.Fields(strings.Join(command, " "))
	if len(words) > 2 && strings.HasSuffix(words[0], "sh") && words[1] == "-c" {
		words = words[2:]
	}
	return len(words) > 1 && slices.Contains([]string{"cat", "grep", "test", "[", "ls", "stat", "head", "find"}, words[0]) &&
		strings.HasPrefix(strings.TrimSuffix(words[len(words)-1], "]"), "/") || len(words) > 2 && words[0] == "["
}

// quiet reports whether nothing but its probe speaks against a workload: its containers were never restarted, and its
// logs tell of no error.
func (v *view) quiet(w *workload) bool {
	for _, p := range w.pods {
		if slices.ContainsFunc(p.Status.ContainerStatuses, func(st corev1.ContainerStatus) bool { return st.RestartCount > 0 }) {
			return false
		}
	}
	line, _ := v.lastError(w)
	return line == "" && len(v.calls(w)) == 0
}

// judgeProbePort looks at the port alone: refused there, or never answered, while all else points to
// another.
func (v *view) judgeProbePort(w *workload, c *corev1.Container, probe, former *corev1.Probe, said string) probeFault {
	if f := judgeProbeHost(probe, said); f.field != "" {
		return f
	}
	port, field, ok := path.ProbePort(c, probe)
	if field == "" && !ok {
		return probeFault{}
	}
	refused := strings.Contains(said, "connection refused")
	if said != "" && !refused && ok {
		return probeFault{}
	}
	f := probeFault{field: "." + field, why: fmt.Sprintf("asks on port %d", port), confidence: likely}
	if !ok {
		f.why, f.confidence = "asks on a port name that the container does not declare", proven
	}
	if refused {
		f.why += ", where connections are refused"
	}
	was, had := int32(0), false
	if b := beforeContainer(w, c.Name); b != nil {
		was, _, had = path.ProbePort(b, former)
	}
	open := v.saidPort(w)
	declared := tcpPorts(c)
	switch {
	case had && was != port:
		f.wanted, f.proof, f.confidence = intstrJSON(former, was), fmt.Sprintf("the revision that worked was asked on port %d", was), proven
	case open != 0 && open != port:
		f.wanted, f.proof, f.confidence = fmt.Sprint(open), fmt.Sprintf("the application says that it listens on port %d", open), proven
	case len(declared) > 0 && !slices.ContainsFunc(declared, func(d corev1.ContainerPort) bool { return d.ContainerPort == port }):
		f.proof = fmt.Sprintf("the container declares port %d, not %d", declared[0].ContainerPort, port)
		if len(declared) == 1 {
			f.wanted = fmt.Sprint(declared[0].ContainerPort)
			if refused {
				f.confidence = proven
			}
		}
	default:
		return probeFault{}
	}
	if refused && f.confidence == proven {
		f.confidence = seen
	}
	return f
}

// judgeProbeHost looks at the host, which nearly always is to be left out.
func judgeProbeHost(probe *corev1.Probe, said string) probeFault {
	g := probe.HTTPGet
	if g == nil || g.Host == "" || said != "" && !strings.Contains(said, g.Host) {
		return probeFault{}
	}
	return probeFault{field: ".httpGet.host", why: fmt.Sprintf("asks %s and not the pod, which answers at its own address", g.Host), wanted: text(""), confidence: proven}
}

// saidPort is the port on which a current pod of the workload says that it listens.
func (v *view) saidPort(w *workload) int32 {
	for _, p := range w.pods {
		if w.current(p) {
			if n := v.elsewhere(p, 0); n != 0 {
				return n
			}
		}
	}
	return 0
}

func tcpPorts(c *corev1.Container) []corev1.ContainerPort {
	var out []corev1.ContainerPort
	for _, p := range c.Ports {
		if p.Protocol == "" || p.Protocol == corev1.ProtocolTCP {
			out = append(out, p)
		}
	}
	return out
}

// formerProbe is the same probe of the revision before.
func formerProbe(w *workload, container, name string) *corev1.Probe {
	b := beforeContainer(w, container)
	switch {
	case b == nil:
		return nil
	case name == "livenessProbe":
		return b.LivenessProbe
	case name == "startupProbe":
		return b.StartupProbe
	default:
		return b.ReadinessProbe
	}
}

// otherProbe is the container's liveness or startup probe, which passes while the container runs
// without being restarted.
func otherProbe(c *corev1.Container, probe *corev1.Probe) *corev1.Probe {
	for _, p := range []*corev1.Probe{c.LivenessProbe, c.StartupProbe} {
		if p != nil && p != probe {
			return p
		}
	}
	return nil
}

// sameServer reports whether two probes over HTTP ask for pages that belong together, below one folder, and do so on two ports.
func sameServer(c *corev1.Container, a, b *corev1.Probe) bool {
	if b.HTTPGet == nil {
		return false
	}
	one, _, known := path.ProbePort(c, a)
	two, _, too := path.ProbePort(c, b)
	folder := slash.Dir(a.HTTPGet.Path)
	return known && too && one != two && len(folder) > 1 && (folder == slash.Dir(b.HTTPGet.Path) || folder == b.HTTPGet.Path)
}

func intstrJSON(p *corev1.Probe, number int32) string {
	var at intstr.IntOrString
	switch {
	case p.HTTPGet != nil:
		at = p.HTTPGet.Port
	case p.TCPSocket != nil:
		at = p.TCPSocket.Port
	}
	if at.Type == intstr.String && at.StrVal != "" {
		return text(at.StrVal)
	}
	return fmt.Sprint(number)
}

func badRollout() Analyzer {
	return Analyzer{
		Cause: "bad-rollout", Doc: "Finds Deployments whose newest revision does not work while the one before did, where no deeper reason is visible.",
		Inputs: podKinds(), stage: byRest,
		run: func(v *view) []finding {
			var out []finding
			for _, w := range v.workloads {
				if _, ok := w.fine(); !ok || v.explainedWorkload(w) || !w.hurt() {
					continue
				}
				pods := slices.DeleteFunc(v.affected(w, "pods-not-ready"), func(p *corev1.Pod) bool { return !w.current(p) || v.young(p) })
				breaks := v.newOnesBreakOff(w)
				if len(pods) == 0 && !breaks && !v.newOnesFail(w) {
					continue
				}
				field := cmp.Or(timeline.SoleDifference(&w.before.Spec.Template, &w.newest.Spec.Template), "spec.template")
				f := v.onWorkload(w, "bad-rollout", proven, field,
					fmt.Sprintf("revision %d of %s does not work, and revision %d did", snapshot.Revision(w.newest), w.ref, snapshot.Revision(w.before)), pods)
				if len(pods) == 0 {
					f = v.backToStable(withGood(f, w), w).as(model.UpstreamStatus)
					if breaks {
						f = f.as(model.ClosedEarly, model.Reset)
					}
				}
				f.Explains = nil
				out = append(out, f)
			}
			return out
		},
	}
}

// newOnesFail reports whether the application's own errors began with the newest revision: they
// come from its pods alone, and none came before it.
func (v *view) newOnesFail(w *workload) bool {
	came := w.rolledAt()
	failed := 0
	for _, r := range w.routes {
		for _, o := range r.observed {
			if o.Failure == model.UpstreamStatus && stray(o) {
				return false
			}
		}
		for _, s := range r.hits(model.UpstreamStatus) {
			if s.At.Before(came) {
				return false
			}
			for _, t := range s.Tries {
				host := hostOf(t.Address)
				if slices.ContainsFunc(v.s.PodsByIP(host), func(p *corev1.Pod) bool { return !w.current(p) }) {
					return false
				}
			}
			failed++
		}
	}
	return failed > 1 && v.s.At().Sub(came) < time.Hour
}
