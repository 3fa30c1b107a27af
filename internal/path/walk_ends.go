package path

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// ends judges the endpoints to which requests go.
func (w *walker) ends(ready []End) {
	type judged struct {
		verdict model.Verdict
		kind    model.HopKind
		why     string
		object  model.Ref
	}
	w.t.Endpoints = slices.Grow(w.t.Endpoints, len(ready))
	var order []judged
	times := map[judged]int{}
	for _, e := range ready {
		v, kind, why, failure := w.end(e)
		o := model.Outcome{Status: 200}
		if failure != model.NoFailure {
			o = w.fail(failure)
		} else if v != model.Unknown {
			w.predict("200")
		}
		w.t.Endpoints = append(w.t.Endpoints, model.Endpoint{Address: e.Address(), Pod: e.PodRef, Ready: e.Ready, Outcome: o})
		j := judged{verdict: v, kind: kind, why: why}
		if times[j] == 0 {
			order = append(order, judged{verdict: v, kind: kind, why: why, object: e.PodRef})
		}
		times[j]++
	}
	if w.blind != "" {
		w.t.Hops = append(w.t.Hops, model.Hop{
			Kind: model.HopNetworkPolicy, Name: "(any)", Verdict: model.Unknown,
			Why: w.blind,
		})
	}
	for _, j := range order {
		n := times[judged{verdict: j.verdict, kind: j.kind, why: j.why}]
		w.hop(j.kind, j.object, j.verdict, "pod "+j.object.Name+more(n)+": "+j.why)
	}
}

// end judges one endpoint, the nearest trouble first.
func (w *walker) end(e End) (v model.Verdict, kind model.HopKind, why string, f model.FailureKind) {
	if e.Pod == nil {
		if e.PodRef.IsZero() {
			return model.OK, model.HopPod, "an address without a pod", model.NoFailure
		}
		if _, presence := w.m.s.Pods().Get(e.PodRef.Namespace, e.PodRef.Name); presence == snapshot.Absent {
			return model.Broken, model.HopPod, "the EndpointSlice names a pod that does not exist", model.ConnectTimeout
		}
		return model.Unknown, model.HopPod, "it could not be looked at", model.NoFailure
	}
	if v, why := NodeReady(w.m.s, e.Pod.Spec.NodeName); v == model.Broken {
		return model.Broken, model.HopNode, why, model.ConnectTimeout
	}
	if v, b := w.m.Reach(w.r, e); v == model.Broken {
		return model.Broken, model.HopNetworkPolicy, b.Why, model.ConnectTimeout
	} else if v == model.Unknown {
		w.blind = b.Why
	}
	if Unseen(e.Pod) {
		return model.Unknown, model.HopPod, "published as ready; it " + podState(e.Pod), model.NoFailure
	}
	if !Ready(e.Pod) {
		return model.Suspect, model.HopPod, podState(e.Pod) + ", and is published all the same", model.Refused
	}
	l := Listens(e.Pod, e.Port)
	if l.Verdict != model.OK {
		return l.Verdict, model.HopContainer, fmt.Sprintf("port %d: %s", e.Port, l.Why), model.Refused
	}
	return model.OK, model.HopContainer, fmt.Sprintf("ready; port %d: %s", e.Port, l.Why), model.NoFailure
}

// grouped puts together the pods for which a key is the same, in order of appearance.
func grouped(pods []*corev1.Pod, key func(*corev1.Pod) string) [][]*corev1.Pod {
	var order []string
	by := map[string][]*corev1.Pod{}
	for _, p := range pods {
		k := key(p)
		if by[k] == nil {
			order = append(order, k)
		}
		by[k] = append(by[k], p)
	}
	var out [][]*corev1.Pod
	for _, k := range order {
		out = append(out, by[k])
	}
	return out
}

func more(n int) string {
	if n < 2 {
		return ""
	}
	return fmt.Sprintf(" (and %d more)", n-1)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func selectorText(sel map[string]string) string {
	var out []string
	for k, v := range sel {
		out = append(out, k+"="+v)
	}
	slices.Sort(out)
	return strings.Join(out, ",")
}
