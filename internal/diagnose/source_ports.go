package diagnose

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// portRange is the setting of the range of which the kernel takes source ports, and fewPorts are so few that a
// handful of open connections uses them up (kernel: Documentation/networking/ip-sysctl.rst; its default has 28232).
const (
	portRange = "net.ipv4.ip_local_port_range"
	fewPorts  = 1024
)

// sourcePortWords is what gateways say that lack a source port.
func sourcePortWords() spoken {
	return spoken{
		cause: "source-port-exhaustion",
		says:  "the gateway of %s has no free source port left for connections to the backend", where: atGateway,
		proofs: []string{"nginx-connect-addr-exhausted"},
	}
}

func sourcePortExhaustion() Analyzer {
	return Analyzer{
		Cause: "source-port-exhaustion", Doc: "Finds gateways, and applications that call others, without a free source port.",
		Inputs: append(podKinds(), snapshot.Ingresses, snapshot.ConfigMaps), stage: byWords,
		run: func(v *view) []finding {
			var out []finding
			for _, r := range v.routes {
				if f, ok := v.told(sourcePortWords(), r); ok {
					out = append(out, f)
				}
			}
			for _, w := range v.workloads {
				if f, ok := v.narrowRange(w); ok {
					out = append(out, f)
				}
			}
			return out
		},
	}
}

// narrowRange finds pods that were given hardly any source port, and that say that they lack one.
func (v *view) narrowRange(w *workload) (finding, bool) {
	context := w.template.template.Spec.SecurityContext
	if context == nil || len(v.needy(w)) == 0 {
		return finding{}, false
	}
	for i, s := range context.Sysctls {
		n, ok := portsIn(s.Value)
		if s.Name != portRange || !ok || n >= fewPorts {
			continue
		}
		line, source := v.lacksPort(w)
		if line == "" {
			continue
		}
		field := fmt.Sprintf("spec.template.spec.securityContext.sysctls[%d].value", i)
		f := find("source-port-exhaustion", proven, at(w.ref, field), fmt.Sprintf("%s may use %d source ports (%s %s), and finds none free for what it calls", w.ref, n, portRange, s.Value)).
			on(v.rootsOf(w)...).as(model.UpstreamStatus, model.ResponseTimeout, model.NoEndpoints, model.ClosedEarly, model.Reset).
			relates("workload", w.ref).because("object", fmt.Sprintf("%s is %s", portRange, s.Value), w.ref, time.Time{}).since(w.rolledAt())
		f.Evidence = append(f.Evidence, model.Evidence{Kind: "app-log", Text: line, Source: source})
		return f, true
	}
	return finding{}, false
}

// portsIn counts the ports of a range, as "32768 60999"; ok is false if it is none.
func portsIn(value string) (n int, ok bool) {
	ends := strings.Fields(value)
	if len(ends) != 2 {
		return 0, false
	}
	first, err1 := strconv.Atoi(ends[0])
	last, err2 := strconv.Atoi(ends[1])
	return last - first + 1, err1 == nil && err2 == nil && last >= first
}

// lacksPort is a line in which a workload says that it gets no source port (connect(2): EADDRNOTAVAIL).
func (v *view) lacksPort(w *workload) (line, source string) {
	for _, log := range v.in.Logs {
		if !v.ofWorkload(w, log.Pod) {
			continue
		}
		i := slices.IndexFunc(log.Lines, func(l string) bool {
			low := strings.ToLower(l)
			return strings.Contains(low, "cannot assign requested address") || strings.Contains(low, "eaddrnotavail") || strings.Contains(low, "address not available")
		})
		if i >= 0 {
			return strings.TrimSpace(log.Lines[i]), sourceOf(log)
		}
	}
	return "", ""
}
