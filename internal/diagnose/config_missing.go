package diagnose

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func configMissing() Analyzer {
	return Analyzer{
		Cause:  "config-missing",
		Doc:    "Finds workloads that need a ConfigMap, a Secret or a key that does not exist.",
		Inputs: append(podKinds(), snapshot.ConfigMaps, snapshot.Secrets),
		run: perWorkload("config-missing", func(v *view, w *workload, pods []*corev1.Pod) finding {
			t := v.trouble(pods[0])
			field, _, _ := containerField(w, t.container, t.init)
			f := v.onWorkload(w, "config-missing", seen, field, fmt.Sprintf("%s of %s cannot start: %s", share(len(pods), w.size()), w.ref, t.why), pods)
			object, need, ok := lacking(pods[0], t.why)
			if !ok {
				return f
			}
			f = f.because("object", fmt.Sprintf("%s needs %s, which is not there", w.ref, need), object.Ref, time.Time{})
			f.Object = object
			f.Summary = fmt.Sprintf("%s needs %s, which is not there, so %s cannot start", w.ref, need, share(len(pods), w.size()))
			return f
		}),
	}
}

// lacking reads from the kubelet's message what is not there.
func lacking(p *corev1.Pod, why string) (object model.FieldRef, need string, ok bool) {
	if m := missingItem.FindStringSubmatch(why); m != nil {
		if ref := source(p, m[1]); ref.Name != "" {
			return at(ref, dataField(m[2])+" (missing)"), fmt.Sprintf("key %s of %s %s", m[2], ref.Kind, ref.Name), true
		}
	}
	if m := missingKey.FindStringSubmatch(why); m != nil {
		kind := kindOf(m[2])
		return at(model.Ref{APIVersion: "v1", Kind: kind, Namespace: m[3], Name: m[4]}, dataField(m[1])+" (missing)"),
			fmt.Sprintf("key %s of %s %s", m[1], kind, m[4]), true
	}
	if m := missingObject.FindStringSubmatch(why); m != nil {
		kind := kindOf(m[1])
		return at(model.Ref{APIVersion: "v1", Kind: kind, Namespace: p.Namespace, Name: m[2]}, objectMissing), kind + " " + m[2], true
	}
	return model.FieldRef{}, "", false
}

// source is the Secret or ConfigMap of which a pod's volume is made.
func source(p *corev1.Pod, volume string) model.Ref {
	for _, v := range p.Spec.Volumes {
		switch {
		case v.Name != volume:
		case v.Secret != nil:
			return model.Ref{APIVersion: "v1", Kind: "Secret", Namespace: p.Namespace, Name: v.Secret.SecretName}
		case v.ConfigMap != nil:
			return model.Ref{APIVersion: "v1", Kind: "ConfigMap", Namespace: p.Namespace, Name: v.ConfigMap.Name}
		}
	}
	return model.Ref{}
}

func kindOf(word string) string {
	if len(word) > 0 && (word[0] == 's' || word[0] == 'S') {
		return "Secret"
	}
	return "ConfigMap"
}
