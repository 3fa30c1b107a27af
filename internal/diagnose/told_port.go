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

// toldElsewhere is the port on which variables or arguments tell a pod's only container to listen, if it is not the
// given one and they name no other; else 0. A container that declares ports, or a pod with several, is left to what
// it declares.
func (v *view) toldElsewhere(p *corev1.Pod, port int32) int32 {
	if len(path.Declared(p)) > 0 {
		return 0
	}
	return v.toldBySettings(p, port)
}

// toldBySettings is the same whatever the container declares, which is no more than a comment.
func (v *view) toldBySettings(p *corev1.Pod, port int32) int32 {
	if len(p.Spec.Containers) != 1 {
		return 0
	}
	c := &p.Spec.Containers[0]
	var told int32
	for _, s := range v.portWords(p.Namespace, c) {
		n, ok := portSetting(s.name, s.value)
		switch {
		case !ok:
		case n == port, told != 0 && told != n:
			return 0
		default:
			told = n
		}
	}
	return told
}

// portWord is a variable or a flag of a container.
type portWord struct{ name, value string }

func (v *view) portWords(namespace string, c *corev1.Container) []portWord {
	var out []portWord
	for _, e := range c.Env {
		if !v.callsBeside(namespace, c.Env, e.Name) {
			out = append(out, portWord{e.Name, e.Value})
		}
	}
	words := append(append([]string{}, c.Command...), c.Args...)
	for i, w := range words {
		name, value, ok := strings.Cut(w, "=")
		if !ok && strings.HasPrefix(w, "-") && i+1 < len(words) {
			value = words[i+1]
		}
		if strings.HasPrefix(name, "-") && value != "" {
			out = append(out, portWord{strings.TrimLeft(name, "-"), value})
		}
	}
	return out
}

// callsBeside reports whether a variable stands beside one that names another host in the cluster, as SERVER_PORT beside
// SERVER_HOST=recorder: it is the port of what is called, and nobody listens there. Of the names that tell a server where
// to listen only those of a server may also be about another one; beside PORT or APP_PORT stands the name of this one.
func (v *view) callsBeside(namespace string, env []corev1.EnvVar, name string) bool {
	if !strings.HasSuffix(strings.ToUpper(name), "SERVER_PORT") {
		return false
	}
	return slices.ContainsFunc(env, func(e corev1.EnvVar) bool {
		if !strings.EqualFold(portBesideName(e.Name), name) || !hostName.MatchString(e.Value) {
			return false
		}
		_, inside := v.home(namespace, e.Value)
		return inside
	})
}

// hostName matches the name of a host, other than an address to listen on.
var hostName = regexp.MustCompile(`^[a-zA-Z][\w-]*(\.[\w-]+)*$`)

// portName matches the names of settings that say where a server listens, portValue what they say.
var (
	portName  = regexp.MustCompile(`(?i)^((http|server|listen|web|app)[-_.]?)*(port|listen|bind|addr(ess)?|urls?)$`)
	portValue = regexp.MustCompile(`^(?:(?:https?://)?[\w.*+\[\]-]*:)?(\d{2,5})/?$`)
)

// portSetting reads the port on which a setting tells a server to listen: PORT=3000, --port 3000, --listen=:3000,
// ASPNETCORE_URLS=http://+:3000.
func portSetting(name, value string) (int32, bool) {
	if others.MatchString(name) || !portName.MatchString(strings.TrimPrefix(strings.ToLower(name), "aspnetcore_")) {
		return 0, false
	}
	m := portValue.FindStringSubmatch(value)
	if m == nil {
		return 0, false
	}
	n, err := strconv.Atoi(m[1])
	if err != nil || n > 65535 {
		return 0, false
	}
	return int32(n), true
}

// listeningOn matches the port in the words with which servers say that they are up: "server listening","port":4100;
// Listening on http://0.0.0.0:4100; Tomcat started on port 4100.
var listeningOn = regexp.MustCompile(`(?i)\b(?:listening|started|running|serving)\b[^0-9]{0,48}?(?:port["':= (s)]*|https?://[^\s/]*?:|\*:|0\.0\.0\.0:|\[?::\]?:| :)(\d{2,5})\b`)

// listensElsewhere is the port on which a workload's application says that it listens, or is told to, where that is
// not the given one, and what says so.
func (v *view) listensElsewhere(w *workload, p *corev1.Pod, port int32) (int32, model.Evidence) {
	ref := snapshot.RefOf(p)
	for _, log := range v.in.Logs {
		if !v.ofWorkload(w, log.Pod) || log.Previous {
			continue
		}
		for _, l := range log.Lines {
			m := listeningOn.FindStringSubmatch(l)
			if m == nil || aside(&corev1.ServicePort{Name: l}) != "" {
				continue
			}
			if n, err := strconv.Atoi(m[1]); err == nil && n <= 65535 && int32(n) != port {
				return int32(n), model.Evidence{Kind: "app-log", Text: strings.TrimSpace(l), Source: sourceOf(log)}
			}
			return 0, model.Evidence{}
		}
	}
	if n := v.toldBySettings(p, port); n != 0 {
		return n, model.Evidence{Kind: "object", Text: fmt.Sprintf("its settings tell it to listen on port %d", n), Object: &ref}
	}
	return v.toldByFiles(p, port)
}

// refusedAndTold finds a target port that all pods refuse, although they declare it, while the application says, or is
// told, that it listens on another one: what a container declares opens no port.
func (v *view) refusedAndTold(r *route, l path.Leg) (finding, bool) {
	ends := l.ReadyEnds()
	if l.Port == nil || len(ends) == 0 || ends[0].Pod == nil || len(r.succeeded) > 0 || refusedAt(r, ends) == 0 || slices.Contains(path.Proven(ends[0].Pod), ends[0].Port) {
		return finding{}, false
	}
	w := v.workload(v.s.WorkloadOf(ends[0].Pod))
	if w == nil {
		return finding{}, false
	}
	n, says := v.listensElsewhere(w, ends[0].Pod, ends[0].Port)
	if n == 0 {
		return finding{}, false
	}
	ref := serviceRef(l)
	f := find("target-port-mismatch", proven, at(ref, fmt.Sprintf("spec.ports[%d].targetPort", l.PortAt)),
		fmt.Sprintf("%s forwards port %d to %d of %s, which refuses that; it listens on port %d", ref, l.Port.Port, ends[0].Port, w.ref, n)).
		on(r).as(model.Refused, model.NoEndpoints).relates("service", ref).relates("workload", w.ref).relates("pod", snapshot.RefOf(ends[0].Pod)).
		wants(fmt.Sprint(n)).not("wrong-listen-address", "it listens on another port, not on another address")
	f.Evidence = append(f.Evidence, says)
	return f, true
}

// besidePort finds a target port that is of another container, or for metrics or administration, while the pods'
// application listens elsewhere: what answers there does not know the application's pages.
func (v *view) besidePort(r *route, l path.Leg) (finding, bool) {
	atRest := len(v.in.Signals) == 0 && r.edge == nil && aside(&corev1.ServicePort{Name: r.Path}) == ""
	if l.Port == nil || aside(l.Port) != "" || !atRest && len(r.astray) < few && len(r.hits(model.UpstreamStatus, model.Protocol, model.TLS, model.Reset, model.ClosedEarly)) == 0 {
		return finding{}, false
	}
	ends := l.ReadyEnds()
	if len(ends) == 0 || ends[0].Pod == nil {
		return finding{}, false
	}
	p, number := ends[0].Pod, ends[0].Port
	target, main := containerPort(p, number), mainPort(p)
	if target == nil || main == nil || main.ContainerPort == number || aside(&corev1.ServicePort{Name: target.Name}) == "" {
		return finding{}, false
	}
	if atRest && !slices.Contains(path.Proven(p), main.ContainerPort) {
		return finding{}, false
	}
	ref := serviceRef(l)
	f := find("target-port-mismatch", proven, at(ref, fmt.Sprintf("spec.ports[%d].targetPort", l.PortAt)),
		fmt.Sprintf("%s forwards port %d to %s of %s, which is for %s; the application listens on port %d", ref, l.Port.Port, targetOf(*l.Port, number), v.s.WorkloadOf(p), target.Name, main.ContainerPort)).
		on(r).as(wrongPlace()...).showing(r, r.astray).relates("service", ref).relates("workload", v.s.WorkloadOf(p)).relates("pod", snapshot.RefOf(p)).
		because("object", fmt.Sprintf("pod %s declares %s (%d) and %s (%d)", p.Name, target.Name, number, main.Name, main.ContainerPort), snapshot.RefOf(p), time.Time{}).
		wants(fmt.Sprint(main.ContainerPort)).not("app-error", "what answers is not the application")
	f.covers = true
	if atRest {
		f.atRest, f.Confidence = true, likely
	}
	return f, true
}

// containerPort is the declaration of a port in a pod, nil if there is none.
func containerPort(p *corev1.Pod, number int32) *corev1.ContainerPort {
	for i := range p.Spec.Containers {
		for j := range p.Spec.Containers[i].Ports {
			if cp := &p.Spec.Containers[i].Ports[j]; cp.ContainerPort == number && isTCP(cp.Protocol) {
				return cp
			}
		}
	}
	return nil
}

// mainPort is the first port that a pod declares for requests.
func mainPort(p *corev1.Pod) *corev1.ContainerPort {
	for i := range p.Spec.Containers {
		for j := range p.Spec.Containers[i].Ports {
			if cp := &p.Spec.Containers[i].Ports[j]; isTCP(cp.Protocol) && aside(&corev1.ServicePort{Name: cp.Name}) == "" {
				return cp
			}
		}
	}
	return nil
}
