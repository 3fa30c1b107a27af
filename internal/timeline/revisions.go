package timeline

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/snapshot/redact"
)

// Revisions lists what each revision of a Deployment changed in its pods against the one before.
func Revisions(s *snapshot.Snapshot, d *appsv1.Deployment) []model.Changed {
	sets := s.Revisions(d) // newest first
	var out []model.Changed
	for i := 0; i+1 < len(sets); i++ {
		at := sets[i].CreationTimestamp.Time
		if at.IsZero() || at.Before(sets[i+1].CreationTimestamp.Time) {
			continue // gone back to: when, its age does not tell
		}
		base := model.Changed{At: at, Object: snapshot.RefOf(d), Who: author(d, at)}
		out = append(out, templateDiff(base, snapshot.Revision(sets[i]), &sets[i+1].Spec.Template, &sets[i].Spec.Template)...)
	}
	return out
}

// SoleDifference is the field in which two pod templates differ; empty if they differ in several, or in none that matters to
// requests.
func SoleDifference(before, after *corev1.PodTemplateSpec) string {
	all := templateDiff(model.Changed{}, 0, before, after)
	if len(all) != 1 {
		return ""
	}
	return all[0].Field
}

// author is who wrote a Deployment in the moment in which a revision came of it.
func author(d *appsv1.Deployment, at time.Time) string {
	for _, m := range d.ManagedFields {
		if m.Subresource == "" && m.Time != nil && m.Time.Time.Sub(at).Abs() <= 2*time.Second && m.Manager != "kube-controller-manager" {
			return m.Manager
		}
	}
	return ""
}

// templateDiff compares two pod templates where it matters to requests: containers' fields one by one,
// everything else as a whole. That a secret changed is told, and not what it is.
func templateDiff(base model.Changed, revision int64, before, after *corev1.PodTemplateSpec) []model.Changed {
	var out []model.Changed
	put := func(field, what, before, after string) {
		c := base
		c.Field, c.What = field, fmt.Sprintf("revision %d changed %s", revision, what)
		c.Old, c.New = shorten(before), shorten(after)
		out = append(out, c)
	}
	add := func(field, what string, before, after any) {
		if asText(before) != asText(after) {
			was, is := apart(cleaned(before), cleaned(after))
			put(field, what, shown(was), shown(is))
		}
	}
	for i := range after.Spec.Containers {
		c := &after.Spec.Containers[i]
		field := fmt.Sprintf("spec.template.spec.containers[%d]", i)
		j := slices.IndexFunc(before.Spec.Containers, func(b corev1.Container) bool { return b.Name == c.Name })
		if j < 0 {
			add(field, "container "+c.Name+", which is new", "", c.Image)
			continue
		}
		b := &before.Spec.Containers[j]
		of := " of container " + c.Name
		add(field+".image", "the image"+of, b.Image, c.Image)
		add(field+".command", "the command"+of, b.Command, c.Command)
		add(field+".args", "the arguments"+of, b.Args, c.Args)
		add(field+".ports", "the ports"+of, b.Ports, c.Ports)
		add(field+".readinessProbe", "the readiness probe"+of, b.ReadinessProbe, c.ReadinessProbe)
		add(field+".livenessProbe", "the liveness probe"+of, b.LivenessProbe, c.LivenessProbe)
		add(field+".startupProbe", "the startup probe"+of, b.StartupProbe, c.StartupProbe)
		add(field+".resources", "the resources"+of, b.Resources, c.Resources)
		add(field+".lifecycle", "the lifecycle hooks"+of, b.Lifecycle, c.Lifecycle)
		add(field+".volumeMounts", "the mounts"+of, b.VolumeMounts, c.VolumeMounts)
		for _, e := range envDiff(b.Env, c.Env) {
			put(field+e.field, e.what+of, e.old, e.now)
		}
	}
	add("spec.template.spec.volumes", "the volumes", before.Spec.Volumes, after.Spec.Volumes)
	add("spec.template.spec.nodeSelector", "the node selector", before.Spec.NodeSelector, after.Spec.NodeSelector)
	add("spec.template.spec.serviceAccountName", "the service account", before.Spec.ServiceAccountName, after.Spec.ServiceAccountName)
	return out
}

type envChange struct{ field, what, old, now string }

// envDiff compares variables by name.
func envDiff(before, after []corev1.EnvVar) []envChange {
	was := map[string]corev1.EnvVar{}
	for _, e := range before {
		was[e.Name] = e
	}
	var out []envChange
	for i, e := range after {
		b, ok := was[e.Name]
		delete(was, e.Name)
		if ok && asText(b) == asText(e) {
			continue
		}
		out = append(out, envChange{fmt.Sprintf(".env[%d]", i), "variable " + e.Name, envText(b), envText(e)})
	}
	for _, e := range before {
		if _, gone := was[e.Name]; gone {
			out = append(out, envChange{".env", "variable " + e.Name, envText(e), ""})
		}
	}
	return out
}

// envText is the value of a variable as it may be shown, or what it refers to.
func envText(e corev1.EnvVar) string {
	switch {
	case e.Value != "" && (redact.Secret(e.Name) || strings.Contains(strings.ToLower(e.Name), "key")):
		return redact.Removed
	case e.ValueFrom != nil:
		return asText(e.ValueFrom)
	default:
		return redact.Line(e.Value)
	}
}

// apart leaves of two values, as encoding/json decodes them, only what differs: of a probe that asks another path now, the
// path. Lists of words stay whole, as one reads a command.
func apart(a, b any) (any, any) {
	switch was := a.(type) {
	case map[string]any:
		is, ok := b.(map[string]any)
		if !ok {
			break
		}
		for k := range was {
			if reflect.DeepEqual(was[k], is[k]) {
				delete(was, k)
				delete(is, k)
			} else if _, both := is[k]; both {
				was[k], is[k] = apart(was[k], is[k])
			}
		}
	case []any:
		is, ok := b.([]any)
		if !ok || len(was) != len(is) || words(was) {
			break
		}
		var left, right []any
		for i := range was {
			if !reflect.DeepEqual(was[i], is[i]) {
				x, y := apart(was[i], is[i])
				left, right = append(left, x), append(right, y)
			}
		}
		return left, right
	}
	return a, b
}

// words reports whether a list is one of words, as a command and its arguments are.
func words(list []any) bool {
	return len(list) > 0 && !slices.ContainsFunc(list, func(v any) bool { _, ok := v.(string); return !ok })
}

// cleaned is a value as encoding/json decodes it, without what may be secret: whole, as a header's name tells of its value.
func cleaned(v any) (out any) {
	if json.Unmarshal([]byte(asJSON(v)), &out) != nil {
		return nil
	}
	return redact.Value(out)
}

// shown is a decoded value as people read it: a list of words as it stands in a shell, anything else as [asText] has it.
func shown(v any) string {
	list, ok := v.([]any)
	if !ok || !words(list) {
		return asText(v)
	}
	text := make([]string, len(list))
	for i, w := range list {
		text[i] = fmt.Sprint(w)
	}
	return strings.Join(text, " ")
}

// asText is a value as compact JSON, a string as itself; nothing is empty.
func asText(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	switch text := asJSON(v); text {
	case "null", "{}", "[]":
		return ""
	default:
		return text
	}
}

// asJSON is a value as compact JSON; empty if it has none.
func asJSON(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(data)
}

func shorten(s string) string {
	if len(s) <= longValue*2 {
		return s
	}
	return s[:longValue*2] + "..."
}

// Happened lists what events tell of an object that is neither a pod nor its end: that it was scaled, and
// by whom.
func Happened(s *snapshot.Snapshot, ref model.Ref) []model.Changed {
	var out []model.Changed
	for _, e := range s.EventsOf(ref) {
		if !slices.Contains([]string{"ScalingReplicaSet", "SuccessfulRescale", "NodeNotReady", "NodeReady", "RemovingNode", "NodeNotSchedulable", "NodeSchedulable", "Rebooted"}, e.Reason) {
			continue
		}
		out = append(out, model.Changed{
			At: snapshot.EventTime(e), Object: ref, Who: strings.TrimSpace(e.Source.Component + " " + e.ReportingController),
			What: strings.TrimSpace(e.Message),
		})
		c := &out[len(out)-1]
		c.Who, _, _ = strings.Cut(c.Who, " ")
		if c.What == "" {
			c.What = e.Reason
		}
	}
	return out
}
