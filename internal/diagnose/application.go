package diagnose

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func dnsResolutionFailed() Analyzer {
	return Analyzer{
		Cause: "dns-resolution-failed", Doc: "Finds applications that cannot resolve a name that they need.",
		Inputs: append(podKinds(), snapshot.ConfigMaps), stage: byWords,
		run: func(v *view) []finding {
			var out []finding
			for _, w := range v.workloads {
				for _, r := range w.routes {
					if len(r.hits(model.UpstreamStatus, model.ResponseTimeout, model.OtherFailure)) == 0 && !dead(w.legs[0]) {
						continue
					}
					if f, ok := v.unresolved(w, r); ok {
						out = append(out, f)
					}
				}
			}
			return out
		},
	}
}

// unresolved finds the name in the application's words and looks for what keeps it from being
// resolved.
func (v *view) unresolved(w *workload, r *route) (finding, bool) {
	// What resolvers of Go, glibc, Java, Node.js and Python say of a name.
	says := regexp.MustCompile(`lookup (\S+?)(?: on \S+)?: (?:no such host|server misbehaving|i/o timeout)|getaddrinfo (?:ENOTFOUND|EAI_AGAIN) (\S+)|UnknownHostException: (\S+)|[Cc]ould not resolve host:? (\S+)|(?:Name or service not known|Temporary failure in name resolution)`)
	line, name, source := "", "", ""
	for _, log := range v.in.Logs {
		if !v.ofWorkload(w, log.Pod) {
			continue
		}
		for _, l := range log.Lines {
			if m := says.FindStringSubmatch(l); m != nil {
				line, name, source = strings.TrimSpace(l), strings.Trim(strings.Join(m[1:], ""), `":,`), log.Pod.Namespace+"/"+log.Pod.Name+"/"+log.Container
			}
		}
	}
	if line == "" {
		return finding{}, false
	}
	f := find("dns-resolution-failed", likely, at(w.ref, ""), fmt.Sprintf("%s cannot resolve %s", w.ref, name)).
		on(r).as(model.UpstreamStatus, model.NoEndpoints, model.ResponseTimeout).relates("workload", w.ref)
	f.Evidence = append(f.Evidence, model.Evidence{Kind: "app-log", Text: line, Source: source})
	service, namespace, _ := strings.Cut(name, ".")
	namespace, _, _ = strings.Cut(namespace, ".")
	if namespace == "" {
		namespace = w.ref.Namespace
	}
	full := service + "." + namespace + ".svc"
	if _, presence := v.s.Services().Get(namespace, service); presence == snapshot.Absent {
		f.Summary += fmt.Sprintf(": there is no Service %s in namespace %s", service, namespace)
		return f, true
	}
	if object, rule := v.corefile(full); rule != "" {
		f.Object, f.Confidence = object, proven
		f.Summary += fmt.Sprintf(", because the cluster's DNS is told to answer otherwise: %s", rule)
		f = f.because("object", rule, object.Ref, time.Time{})
		return f, true
	}
	dns := model.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "kube-system", Name: "coredns"}
	if d := v.workload(dns); d != nil && d.serving == 0 {
		f.Object, f.Confidence = at(dns, "status.readyReplicas"), proven
		f.Summary += ", because no pod of the cluster's DNS is ready"
	}
	return f, true
}

// ofWorkload reports whether a pod is one of a workload's.
func (v *view) ofWorkload(w *workload, pod model.Ref) bool {
	for _, p := range w.pods {
		if p.Name == pod.Name && (pod.Namespace == "" || pod.Namespace == p.Namespace) {
			return true
		}
	}
	return false
}

// corefile finds the stanza of CoreDNS's configuration that answers for a name itself.
func (v *view) corefile(name string) (model.FieldRef, string) {
	cm, ok := v.s.ConfigMaps().Get("kube-system", "coredns")
	if ok != snapshot.Present {
		return model.FieldRef{}, ""
	}
	object := at(snapshot.RefOf(cm), "data.Corefile")
	for line := range strings.Lines(cm.Data["Corefile"]) {
		l := strings.TrimSpace(line)
		plain := strings.ReplaceAll(l, `\.`, ".")
		for _, word := range []string{"template", "rewrite", "hosts", "file"} {
			if strings.HasPrefix(l, word+" ") && strings.Contains(plain, name) {
				return object, strings.TrimSuffix(l, " {")
			}
		}
	}
	return object, ""
}

func appError() Analyzer {
	return Analyzer{
		Cause: "app-error", Doc: "Finds applications that answer 5xx themselves.", Inputs: podKinds(), stage: byRest,
		run: func(v *view) []finding {
			var out []finding
			for _, r := range v.open() {
				for _, o := range v.unexplained(r) {
					if o.Failure != model.UpstreamStatus || stray(o) || len(r.legs) == 0 {
						continue
					}
					out = append(out, v.ownError(r, o))
					break
				}
			}
			return out
		},
	}
}

func (v *view) ownError(r *route, o model.Observation) finding {
	l := r.legs[0]
	object := at(serviceRef(l), "")
	refs := v.behind(l)
	if len(refs) > 0 {
		object = at(refs[0], "")
	}
	f := find("app-error", proven, object,
		fmt.Sprintf("the application behind %s itself answers %d to %d of %d requests for %s; the way to it is fine", object.Ref, o.Status, o.Count, o.Requests, r)).
		on(r).as(model.UpstreamStatus).since(o.First)
	f = v.relateBackend(f, r)
	f.symptomOf = "bad-rollout"
	if w := v.workload(object.Ref); w != nil {
		if line, source := v.lastError(w); line != "" {
			f.Evidence = append(f.Evidence, model.Evidence{Kind: "app-log", Text: line, Source: source})
		}
	}
	return f
}

// lastError is the last line of trouble in the logs of a workload's pods.
func (v *view) lastError(w *workload) (line, source string) {
	for _, log := range v.in.Logs {
		if !v.ofWorkload(w, log.Pod) {
			continue
		}
		for _, l := range log.Lines {
			low := strings.ToLower(l)
			if strings.Contains(low, "error") || strings.Contains(low, "exception") || strings.Contains(low, "panic") || strings.Contains(low, "fatal") {
				line, source = strings.TrimSpace(l), log.Pod.Namespace+"/"+log.Pod.Name+"/"+log.Container
			}
		}
	}
	return line, source
}
