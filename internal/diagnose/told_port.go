package diagnose

import (
	"fmt"
	"regexp"
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
func toldElsewhere(p *corev1.Pod, port int32) int32 {
	if len(p.Spec.Containers) != 1 || len(path.Declared(p)) > 0 {
		return 0
	}
	c := &p.Spec.Containers[0]
	var told int32
	for _, s := range portWords(c) {
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

func portWords(c *corev1.Container) []portWord {
	var out []portWord
	for _, e := range c.Env {
		out = append(out, portWord{e.Name, e.Value})
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

// besidePort finds a target port that is of another container, or for metrics or administration, while the pods'
// application listens elsewhere: what answers there does not know the application's pages.
func (v *view) besidePort(r *route, l path.Leg) (finding, bool) {
	if l.Port == nil || aside(l.Port) != "" || len(r.astray) < few && len(r.hits(model.UpstreamStatus, model.Protocol, model.TLS, model.Reset, model.ClosedEarly)) == 0 {
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
	ref := serviceRef(l)
	f := find("target-port-mismatch", proven, at(ref, fmt.Sprintf("spec.ports[%d].targetPort", l.PortAt)),
		fmt.Sprintf("%s forwards port %d to %s of %s, which is for %s; the application listens on port %d", ref, l.Port.Port, targetOf(*l.Port, number), v.s.WorkloadOf(p), target.Name, main.ContainerPort)).
		on(r).as(wrongPlace()...).showing(r, r.astray).relates("service", ref).relates("workload", v.s.WorkloadOf(p)).relates("pod", snapshot.RefOf(p)).
		because("object", fmt.Sprintf("pod %s declares %s (%d) and %s (%d)", p.Name, target.Name, number, main.Name, main.ContainerPort), snapshot.RefOf(p), time.Time{}).
		wants(fmt.Sprint(main.ContainerPort)).not("app-error", "what answers is not the application")
	f.covers = true
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
