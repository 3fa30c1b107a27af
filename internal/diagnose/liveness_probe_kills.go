package diagnose

import (
	"cmp"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/snapshot"
)

func livenessProbeKills() Analyzer {
	return Analyzer{
		Cause: "liveness-probe-kills", Doc: "Finds containers that their liveness or startup probe restarts although they work.", Inputs: podKinds(),
		run: perWorkload("liveness-probe-kills", func(v *view, w *workload, pods []*corev1.Pod) finding {
			t := v.trouble(pods[0])
			field, c, ok := containerField(w, t.container, false)
			probe, why := v.killingProbe(pods[0])
			why = cmp.Or(why, t.why)
			p := (*corev1.Probe)(nil)
			if ok {
				p = c.LivenessProbe
				if probe == ".startupProbe" {
					p = c.StartupProbe
				}
			}
			wrong := probeFault{}
			if ok && p != nil {
				wrong = v.judgeProbe(w, c, p, why, probe[1:])
			}
			if wrong.field == "" && probeTimedOut(why) {
				wrong.field = ".timeoutSeconds"
			}
			f := v.onWorkload(w, "liveness-probe-kills", seen, field+probe+wrong.field, fmt.Sprintf("%s: %s: %s", w.ref, t.why, strings.TrimSpace(why)), pods)
			return f.wants(wrong.wanted)
		}),
	}
}

// probeTimedOut reports whether the kubelet says that a probe was not answered in time: over HTTP (net/http), gRPC and by a
// command (kubernetes, pkg/probe).
func probeTimedOut(said string) bool {
	return strings.Contains(said, "context deadline exceeded") || strings.Contains(said, "Client.Timeout exceeded") ||
		strings.Contains(said, "timeout: health rpc did not complete") || strings.Contains(said, "timed out after")
}

// killingProbe is the probe that restarts containers of a pod, as a field, and what the kubelet says of it; empty if it says nothing.
func (v *view) killingProbe(pod *corev1.Pod) (field, said string) {
	field = ".livenessProbe"
	for _, e := range v.s.EventsOf(snapshot.RefOf(pod)) {
		if e.Reason == "Unhealthy" && strings.HasPrefix(e.Message, "Startup") {
			field = ".startupProbe"
		}
		if e.Reason == "Unhealthy" && !strings.HasPrefix(e.Message, "Readiness") {
			said = e.Message
		}
	}
	return field, said
}
