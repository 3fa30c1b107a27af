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

func appMisconfigured() Analyzer {
	return Analyzer{
		Cause:  "app-misconfigured",
		Doc:    "Finds applications whose own settings are wrong: an address or port of something that they call, credentials, a variable that is not set.",
		Inputs: append(podKinds(), snapshot.ConfigMaps, snapshot.Secrets),
		run: func(v *view) []finding {
			var out []finding
			for _, r := range v.edges {
				if f, ok := v.wrongAddress(r); ok {
					out = append(out, f)
				}
			}
			for _, w := range v.workloads {
				for _, look := range []func(*workload) (finding, bool){v.callsItself, v.unsetVariable, v.strangers, v.changedSetting, v.namesNothing} {
					if f, ok := look(w); ok {
						out = append(out, f)
						break
					}
				}
			}
			return out
		},
	}
}

// wrongAddress judges the setting that names what a workload calls: a port that the Service does not
// have, a Service that does not exist and is probably called otherwise.
func (v *view) wrongAddress(r *route) (finding, bool) {
	for _, l := range r.legs {
		ref := serviceRef(l)
		switch {
		case l.Presence == snapshot.Present && l.Port == nil && !l.External() && l.Service.Spec.ClusterIP != corev1.ClusterIPNone && r.setting.port != 0:
			object, value := r.portSetting()
			f := r.asCause("app-misconfigured", proven, object,
				fmt.Sprintf("%s is told to call port %d of %s, which has %s", r.Object, l.Backend.PortNumber, ref, portsOf(l.Service))).
				as(model.Refused, model.ConnectTimeout, model.ResponseTimeout, model.NoEndpoints, model.UpstreamStatus)
			if len(l.Service.Spec.Ports) == 1 && value != "" {
				f = f.wants(text(strings.TrimPrefix(strings.Replace(value, fmt.Sprint(":", l.Backend.PortNumber), fmt.Sprint(":", l.Service.Spec.Ports[0].Port), 1), ":")))
			}
			return f.because("object", fmt.Sprintf("%s has %s", ref, portsOf(l.Service)), ref, time.Time{}), true
		case r.quiet && !r.loose && shutPort(r, l):
			object, _ := r.portSetting()
			return r.asCause("app-misconfigured", likely, object,
				fmt.Sprintf("%s is told to call port %d of %s, whose pods declare others only", r.Object, r.setting.port, ref)).
				as(model.Refused, model.UpstreamStatus), true
		case l.Presence == snapshot.Absent && v.misnamed(r, l):
			f := r.asCause("app-misconfigured", likely, r.settingAt(), fmt.Sprintf("%s is told to call %s, which does not exist", r.Object, ref)).
				as(model.NoRoute, model.NoEndpoints, model.UpstreamStatus)
			if svc := v.displaced(ref); svc != nil {
				f.Confidence = r.notFound()
				f.Summary += fmt.Sprintf("; %s does", snapshot.RefOf(svc))
				host := strings.Replace(r.setting.host, ref.Name+"."+ref.Namespace, ref.Name+"."+svc.Namespace, 1)
				f = f.wants(text(withHost(r.setting.value, r.setting.host, host))).relates("service", snapshot.RefOf(svc))
			} else if svc := v.likeNamed(l); svc != nil {
				f.Confidence = proven
				f.Summary += fmt.Sprintf("; %s does", snapshot.RefOf(svc))
				f = f.wants(text(strings.Replace(r.setting.value, r.setting.host, svc.Name, 1))).relates("service", snapshot.RefOf(svc))
			} else if was := v.formerSetting(r); was != "" {
				f.Summary += fmt.Sprintf("; the revision before called %s", was)
				f = f.wants(text(was)).since(r.caller.rolledAt())
			}
			return f, true
		}
	}
	if n := denied(r); n > 0 && r.outside == "" {
		object := r.settingAt()
		if c := v.credential(r); c.Field != "" {
			object = c
		}
		return r.asCause("app-misconfigured", likely, object,
			fmt.Sprintf("%s is refused by %s for its credentials or rights: %s", r.Object, r.callee(), inBrief(r.said[len(r.said)-1].line))).as(model.Denied, model.UpstreamStatus), true
	}
	return finding{}, false
}

// notFound is how sure it is that there is nothing of the name that an edge's caller asks for: it may be one of the outside,
// until a log says that there is none.
func (r *route) notFound() float64 {
	if slices.ContainsFunc(r.said, func(c call) bool { return c.kind == model.NoRoute }) {
		return proven
	}
	return likely
}

// shutPort reports whether a setting names a port that neither a headless Service nor any of its pods has: its name gives the
// pods' own addresses, and nothing listens there.
func shutPort(r *route, l path.Leg) bool {
	if l.Presence != snapshot.Present || l.Service.Spec.ClusterIP != corev1.ClusterIPNone || r.setting.port == 0 || len(l.Selected) == 0 ||
		slices.ContainsFunc(l.Service.Spec.Ports, func(p corev1.ServicePort) bool { return p.Port == r.setting.port }) {
		return false
	}
	return !slices.ContainsFunc(l.Selected, func(p *corev1.Pod) bool {
		declared := path.Declared(p)
		return len(declared) == 0 || slices.Contains(declared, r.setting.port)
	})
}

// portSetting is the field that names the port that an edge leads to, with its value; a port alone with a colon before it.
func (r *route) portSetting() (model.FieldRef, string) {
	if r.setting.portAt.IsZero() {
		return r.settingAt(), r.setting.value
	}
	return r.setting.portAt, ":" + r.setting.portValue
}

// settingAt is the field that names what an edge leads to, the caller as a whole where only its logs do.
func (r *route) settingAt() model.FieldRef {
	if r.setting.at.IsZero() {
		return at(r.caller.ref, "spec.template.spec")
	}
	return r.setting.at
}

// misnamed reports whether a workload that calls a missing Service is what is wrong, and not that the
// Service is missing: there are no pods that it would lead to.
func (v *view) misnamed(r *route, l path.Leg) bool {
	if r.edge == nil {
		return false
	}
	return !v.podsNamed(serviceRef(l))
}

// podsNamed reports whether there are pods to which a Service of some name would lead: those of a workload of that name, or
// with a label of it, if no Service of another name leads to them already.
func (v *view) podsNamed(ref model.Ref) bool {
	return slices.ContainsFunc(v.templates(ref.Namespace), func(t template) bool {
		labelled := slices.ContainsFunc(sortedKeys(t.template.Labels), func(k string) bool { return t.template.Labels[k] == ref.Name })
		return t.ref.Name == ref.Name || labelled && !v.led(t)
	})
}

// led reports whether a Service leads to the pods of a template.
func (v *view) led(t template) bool {
	for svc := range v.s.Services().In(t.ref.Namespace) {
		if len(svc.Spec.Selector) > 0 && matches(svc.Spec.Selector, t.template.Labels) {
			return true
		}
	}
	return false
}

// likeNamed finds the one Service of the namespace whose name is nearly that of a missing one; where none is nearly so, the
// one of which the name is a part.
func (v *view) likeNamed(l path.Leg) *corev1.Service {
	name := l.Backend.Service.Name
	for _, like := range []func(a, b string) bool{alike, contains} {
		var found []*corev1.Service
		for svc := range v.s.Services().In(l.Backend.Service.Namespace) {
			if like(svc.Name, name) {
				found = append(found, svc)
			}
		}
		if len(found) > 0 {
			return only(found)
		}
	}
	return nil
}

// only is the one element of a list, nil if there are none or more.
func only(list []*corev1.Service) *corev1.Service {
	if len(list) != 1 {
		return nil
	}
	return list[0]
}

func portsOf(svc *corev1.Service) string {
	var have []string
	for _, p := range svc.Spec.Ports {
		have = append(have, portText(p))
	}
	return orNone(have)
}

// denied counts the lines in which the caller of an edge says that it was not let in.
func denied(r *route) int {
	n := 0
	for _, c := range r.said {
		if c.kind == model.Denied {
			n++
		}
	}
	return n
}

// credentialName matches the names of variables that hold what an application shows to be let in.
var credentialName = regexp.MustCompile(`(?i)(pass|password|passwd|pwd|token|secret|auth)`)

// credential is the variable beside an edge's setting that holds a password.
func (v *view) credential(r *route) model.FieldRef {
	for i, c := range r.caller.template.template.Spec.Containers {
		for _, e := range c.Env {
			if credentialName.MatchString(e.Name) {
				field := fmt.Sprintf("spec.template.spec.containers[%d].env[%s]", i, e.Name)
				switch {
				case e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil:
					field += ".valueFrom.secretKeyRef"
				case e.ValueFrom == nil:
					field += ".value"
				}
				return at(r.caller.ref, field)
			}
		}
	}
	return model.FieldRef{}
}

// callsItself finds an address that names the pod itself, where nothing of the pod listens: what was
// meant is another workload.
func (v *view) callsItself(w *workload) (finding, bool) {
	if len(v.needy(w)) == 0 || len(w.pods) == 0 {
		return finding{}, false
	}
	for _, c := range v.calls(w) {
		for _, p := range c.places {
			if !p.ownPod() || c.kind != model.Refused || slices.Contains(path.Declared(w.pods[0]), p.port) {
				continue
			}
			for _, a := range v.addresses(w) {
				if (a.host == "localhost" || strings.HasPrefix(a.host, "127.")) && (a.port == 0 || p.port == 0 || a.port == p.port) {
					f := find("app-misconfigured", proven, a.at, fmt.Sprintf("%s is told to call %s (%s), its own pod, where nothing listens on port %d", w.ref, a.value, a.name, p.port)).
						on(v.rootsOf(w)...).as(model.UpstreamStatus, model.ResponseTimeout, model.NoEndpoints, model.Refused).relates("workload", w.ref)
					f.Evidence = append(f.Evidence, model.Evidence{Kind: "app-log", Text: c.line, Source: c.source})
					return f, true
				}
			}
		}
	}
	return finding{}, false
}

// namesNothing finds a name of the cluster that an application asks for and that no Service has, nor any workload that one
// could lead to: its resolver answers, and says no. Where a variable holds the name, wrongAddress says so. It counts only
// where the line is certainly a resolver's, and nothing else is known of the workload's settings.
func (v *view) namesNothing(w *workload) (finding, bool) {
	said, ok := v.saysUnresolved(w)
	if !ok || !said.certain || !v.read.hostly.MatchString(said.name) || len(w.routes) == 0 || !v.suffers(w) {
		return finding{}, false
	}
	service, inside := v.internal(said.name, w.ref.Namespace)
	if _, presence := v.s.Services().Get(service.Namespace, service.Name); !inside || presence != snapshot.Absent || v.podsNamed(service) {
		return finding{}, false
	}
	if field, _, _ := v.dnsSettings(&w.template.template.Spec, said.name); field != "" || v.toldToCall(w, service) {
		return finding{}, false
	}
	field, _, _ := containerField(w, said.container, false)
	f := find("app-misconfigured", likely, at(w.ref, field), fmt.Sprintf("%s asks for %s, and there is no Service %s in namespace %s", w.ref, said.name, service.Name, service.Namespace)).
		on(w.routes...).as(appFailures()...).relates("workload", w.ref)
	f.Evidence = append(f.Evidence, said.evidence())
	return f, true
}

// toldToCall reports whether a setting of a workload names a Service.
func (v *view) toldToCall(w *workload, service model.Ref) bool {
	return slices.ContainsFunc(v.edges, func(r *route) bool {
		return r.caller == w && slices.ContainsFunc(r.legs, func(l path.Leg) bool { return serviceRef(l) == service })
	})
}

// rootsOf lists the gateways' routes that need a workload's own calls.
func (v *view) rootsOf(w *workload) []*route {
	var out []*route
	for _, r := range v.needy(w) {
		for _, root := range r.roots() {
			if !slices.Contains(out, root) {
				out = append(out, root)
			}
		}
	}
	return out
}

// unset matches what programs say of an environment variable that they miss.
var unset = regexp.MustCompile(`(?:environment variable|env var|env variable|variable|config(?:uration)?(?: key| value)?|setting)s?:? ["'` + "`" + `]?([A-Z][A-Z0-9_]{2,})["'` + "`" + `]?[^.]{0,20}?(?:not set|is missing|missing|undefined|required|must be set|must not be empty|cannot be empty|not defined|not found|is empty|unset)|(?i:missing|required|undefined|unset)[^"'A-Z]{0,40}["'` + "`" + `]?([A-Z][A-Z0-9]*_[A-Z0-9_]+)|KeyError: ['"]([A-Z][A-Z0-9_]{2,})['"]|["'` + "`" + `]?([A-Z][A-Z0-9]*_[A-Z0-9_]+)["'` + "`" + `]? (?:is not set|not set|is undefined|is required|must be set|must not be empty|cannot be empty|is empty|is missing|undefined)`)

// unsetVariable finds a variable that the application says that it lacks and that its template does not
// set.
func (v *view) unsetVariable(w *workload) (finding, bool) {
	if len(v.needy(w)) == 0 || len(v.affected(w, "container-crashloop")) > 0 {
		return finding{}, false
	}
	name, line, source := v.missedVariable(w)
	if name == "" {
		return finding{}, false
	}
	f := find("app-misconfigured", likely, at(w.ref, "spec.template.spec.containers[0].env"), fmt.Sprintf("%s needs the variable %s, which %s", w.ref, name, map[bool]string{true: "is empty", false: "is not set"}[w.declares(name)])).
		on(v.rootsOf(w)...).as(model.UpstreamStatus, model.ResponseTimeout, model.NoEndpoints, model.Refused, model.ClosedEarly).relates("workload", w.ref)
	f.Evidence = append(f.Evidence, model.Evidence{Kind: "app-log", Text: line, Source: source})
	for i, c := range w.template.template.Spec.Containers {
		b := beforeContainer(w, c.Name)
		if b == nil {
			continue
		}
		for _, e := range b.Env {
			if e.Name == name {
				f.Object.Field, f.Confidence = fmt.Sprintf("spec.template.spec.containers[%d].env[%s]", i, name), proven
				f = f.because("object", fmt.Sprintf("revision %d set %s", snapshot.Revision(w.before), name), snapshot.RefOf(w.before), w.rolledAt())
			}
		}
	}
	f.Object.Field = strings.TrimSuffix(f.Object.Field, ".env") + map[bool]string{true: ".env[" + name + "]"}[strings.HasSuffix(f.Object.Field, ".env")]
	return f.since(w.rolledAt()), true
}

// missedVariable is the variable that a workload's logs name as missing, where its template sets none of
// that name.
func (v *view) missedVariable(w *workload) (name, line, source string) {
	says := unset
	for _, log := range v.in.Logs {
		if !v.ofWorkload(w, log.Pod) {
			continue
		}
		for _, l := range log.Lines {
			m := says.FindStringSubmatch(l)
			if m == nil {
				continue
			}
			if n := strings.Join(m[1:], ""); n != "" && !v.sets(w, n) {
				name, line, source = n, strings.TrimSpace(l), log.Pod.Namespace+"/"+log.Pod.Name+"/"+log.Container
			}
		}
	}
	return name, line, source
}

// sets reports whether a template sets a variable, to more than nothing.
func (v *view) sets(w *workload, name string) bool {
	for i := range w.template.template.Spec.Containers {
		c := &w.template.template.Spec.Containers[i]
		if slices.ContainsFunc(c.Env, func(e corev1.EnvVar) bool { return e.Name == name && (e.Value != "" || e.ValueFrom != nil) }) ||
			slices.ContainsFunc(v.environment(w, c, ""), func(s setting) bool { return s.name == name && s.value != "" }) {
			return true
		}
	}
	return false
}

// declares reports whether a template has a variable, whatever it is set to.
func (w *workload) declares(variable string) bool {
	return slices.ContainsFunc(w.template.template.Spec.Containers, func(c corev1.Container) bool {
		return slices.ContainsFunc(c.Env, func(e corev1.EnvVar) bool { return e.Name == variable })
	})
}

// changedSetting finds the one variable or argument that the newest revision changed, where the
// application's own errors began with that revision.
func (v *view) changedSetting(w *workload) (finding, bool) {
	does, kind := "answers errors", []model.FailureKind{model.UpstreamStatus}
	switch _, ok := w.fine(); {
	case !ok:
		return finding{}, false
	case v.newOnesFail(w):
	case v.newOnesBreakOff(w):
		does, kind = "breaks requests off", []model.FailureKind{model.ClosedEarly, model.Reset}
	default:
		return finding{}, false
	}
	for i := range w.template.template.Spec.Containers {
		c := &w.template.template.Spec.Containers[i]
		b := beforeContainer(w, c.Name)
		if b == nil {
			continue
		}
		sub, was, one := changed(b, c)
		if !one || !strings.HasPrefix(sub, ".env[") && sub != ".args" {
			continue
		}
		field := fmt.Sprintf("spec.template.spec.containers[%d]%s", i, sub)
		f := find("app-misconfigured", proven, at(w.ref, field), fmt.Sprintf("%s %s since revision %d, which changed only %s; it was %s", w.ref, does, snapshot.Revision(w.newest), field, was)).
			on(v.rootsOf(w)...).as(kind...).relates("workload", w.ref).since(w.rolledAt()).wants(was)
		return withGood(f, w), true
	}
	return finding{}, false
}

// inBrief shortens a line for a sentence.
func inBrief(line string) string {
	const most = 160
	if r := []rune(line); len(r) > most {
		return string(r[:most]) + "..."
	}
	return line
}
