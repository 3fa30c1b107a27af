package timeline

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Life is what a snapshot tells of one pod's life. Times that nothing tells are zero.
type Life struct {
	Pod       model.Ref
	Workload  model.Ref // what a person would edit; zero if not known
	Addresses []string
	Node      string
	Created   time.Time
	Started   time.Time // when the last of its containers that runs began to run
	Ready     time.Time // since when it is ready; zero if it is not
	Unready   time.Time // since when it is not ready; zero if it is
	Told      time.Time // when it was told to stop
	Why       string    // why it was told to stop, in the words of the event
	Ended     time.Time // when its last container ended
	// Deaths are the ends of containers that were started again.
	Deaths []time.Time
	// Gone is set if the pod is not in the snapshot any more and only events tell of it.
	Gone bool
}

// had reports whether the pod can have had its address at a time.
func (l Life) had(at time.Time) bool {
	return l.Created.IsZero() || !at.Before(l.Created)
}

// Pods are the lives of a namespace's pods, those that are gone included as far as events tell of them.
type Pods struct {
	lives     []*Life // by name
	byAddress map[string][]*Life
}

// probedAddress finds the address in the kubelet's words on a failed probe.
var probedAddress = regexp.MustCompile(`https?://([0-9a-fA-F.:\[\]]+):\d+/?|dial tcp ([0-9a-fA-F.:\[\]]+):\d+`)

// PodsOf reads the lives of the pods of a namespace.
func PodsOf(s *snapshot.Snapshot, namespace string) *Pods {
	r := reader{s: s, byName: map[string]*Life{}}
	for p := range s.Pods().In(namespace) {
		l := living(s, p)
		r.byName[p.Name] = &l
	}
	for e := range s.Events().In(namespace) {
		r.event(e)
	}
	t := &Pods{byAddress: map[string][]*Life{}}
	for _, l := range r.byName {
		t.lives = append(t.lives, l)
	}
	slices.SortFunc(t.lives, func(a, b *Life) int { return cmp.Compare(a.Pod.Name, b.Pod.Name) })
	for _, l := range t.lives {
		for _, a := range l.Addresses {
			t.byAddress[a] = append(t.byAddress[a], l)
		}
	}
	for _, ls := range t.byAddress {
		slices.SortStableFunc(ls, func(a, b *Life) int { return a.Created.Compare(b.Created) })
	}
	return t
}

// Of lists the lives of a workload's pods, by name.
func (t *Pods) Of(workload model.Ref) []Life {
	var out []Life
	for _, l := range t.lives {
		if l.Workload.Kind == workload.Kind && l.Workload.Name == workload.Name {
			out = append(out, *l)
		}
	}
	return out
}

// At finds the pod that had an address at a time: the newest that was there by then. ok is false if no
// pod of the namespace is known to have had it.
func (t *Pods) At(address string, at time.Time) (l Life, ok bool) {
	for _, c := range slices.Backward(t.byAddress[address]) {
		if c.had(at) {
			return *c, true
		}
	}
	return Life{}, false
}

// living reads a pod of the snapshot.
func living(s *snapshot.Snapshot, p *corev1.Pod) Life {
	l := Life{Pod: snapshot.RefOf(p), Workload: s.WorkloadOf(p), Node: p.Spec.NodeName, Created: p.CreationTimestamp.Time, Told: told(p)}
	if p.Status.PodIP != "" {
		l.Addresses = []string{p.Status.PodIP}
	}
	for _, ip := range p.Status.PodIPs {
		if ip.IP != p.Status.PodIP {
			l.Addresses = append(l.Addresses, ip.IP)
		}
	}
	for _, c := range p.Status.Conditions {
		if c.Type != corev1.PodReady {
			continue
		}
		if c.Status == corev1.ConditionTrue {
			l.Ready = c.LastTransitionTime.Time
		} else {
			l.Unready = c.LastTransitionTime.Time
		}
	}
	running := false
	for _, st := range p.Status.ContainerStatuses {
		if r := st.State.Running; r != nil {
			running = true
			l.Started = later(l.Started, r.StartedAt.Time)
		}
		if e := st.State.Terminated; e != nil {
			l.Ended = later(l.Ended, e.FinishedAt.Time)
			l.Started = later(l.Started, e.StartedAt.Time)
		}
		if e := st.LastTerminationState.Terminated; e != nil {
			l.Deaths = append(l.Deaths, e.FinishedAt.Time)
		}
	}
	if running {
		l.Ended = time.Time{}
	}
	return l
}

// told is when a pod was told to stop. The API server puts the end of the grace period into
// deletionTimestamp.
func told(p *corev1.Pod) time.Time {
	if p.DeletionTimestamp == nil {
		return time.Time{}
	}
	grace := int64(corev1.DefaultTerminationGracePeriodSeconds)
	if p.DeletionGracePeriodSeconds != nil {
		grace = *p.DeletionGracePeriodSeconds
	}
	return p.DeletionTimestamp.Add(-time.Duration(grace) * time.Second)
}

// reader gathers what events add.
type reader struct {
	s      *snapshot.Snapshot
	byName map[string]*Life
}

func (r *reader) event(e *corev1.Event) {
	at := snapshot.EventTime(e)
	switch o := e.InvolvedObject; o.Kind {
	case "Pod":
		r.ofPod(r.life(o.Namespace, o.Name), e, at)
	case "ReplicaSet", "StatefulSet", "DaemonSet", "Job":
		r.ofOwner(e, at)
	}
}

// life finds a pod's life, or begins one of a pod that is gone.
func (r *reader) life(namespace, name string) *Life {
	if l := r.byName[name]; l != nil {
		return l
	}
	l := &Life{Pod: model.Ref{APIVersion: "v1", Kind: "Pod", Namespace: namespace, Name: name}, Gone: true}
	l.Workload = r.ownerByName(namespace, name)
	r.byName[name] = l
	return l
}

// ofPod reads the kubelet's, the scheduler's and the evictors' events.
func (r *reader) ofPod(l *Life, e *corev1.Event, at time.Time) {
	switch e.Reason {
	case "Killing":
		// "Stopping container x" is the end of the pod, "Container x failed liveness probe, will be
		// restarted" is not.
		if strings.Contains(e.Message, "probe") {
			l.Deaths = append(l.Deaths, at)
			return
		}
		l.stop(at, "")
	case "Evicted", "Preempted", "TaintManagerEviction", "EvictionByEvictionAPI", "NodeShutdown":
		l.stop(at, e.Reason+": "+strings.TrimSpace(e.Message))
	case "Scheduled":
		if l.Gone {
			_, node, _ := strings.Cut(e.Message, " to ")
			l.Node = strings.TrimSpace(node)
			l.Created = at
		}
	case "Started":
		if l.Gone {
			l.Started = later(l.Started, at)
		}
	case "Unhealthy":
		if m := probedAddress.FindStringSubmatch(e.Message); l.Gone && m != nil {
			l.address(strings.Trim(cmp.Or(m[1], m[2]), "[]"))
		}
	}
	if l.Gone && l.Node == "" && e.Source.Component == "kubelet" {
		l.Node = e.Source.Host
	}
}

// ofOwner reads what controllers say of the pods that they make and delete.
func (r *reader) ofOwner(e *corev1.Event, at time.Time) {
	o := e.InvolvedObject
	for _, form := range []struct{ reason, before string }{
		{"SuccessfulCreate", "Created pod: "}, {"SuccessfulDelete", "Deleted pod: "},
		// A StatefulSet's words differ: "create Pod web-0 in StatefulSet web successful".
		{"SuccessfulCreate", "create Pod "}, {"SuccessfulDelete", "delete Pod "},
	} {
		rest, ok := strings.CutPrefix(e.Message, form.before)
		if e.Reason != form.reason || !ok {
			continue
		}
		name, _, _ := strings.Cut(rest, " ")
		l := r.life(o.Namespace, name)
		if l.Workload.IsZero() {
			l.Workload = r.top(o)
		}
		if form.reason == "SuccessfulDelete" {
			if l.Gone || !l.Told.IsZero() {
				l.stop(at, "") // else it was an earlier pod of that name, as StatefulSets have them
			}
		} else if l.Gone {
			l.Created = at
		}
	}
}

// stop notes when a pod that is gone was told to stop. Of one that is there its own deletionTimestamp
// tells: without it, the event is about a container, or about an earlier pod of that name.
func (l *Life) stop(at time.Time, why string) {
	switch {
	case l.Gone && (l.Told.IsZero() || at.Before(l.Told)):
		l.Told = at
	case !l.Gone && l.Told.IsZero():
		if !at.Before(l.Created) {
			l.Deaths = append(l.Deaths, at)
		}
		return
	}
	l.Why = cmp.Or(l.Why, why)
}

func (l *Life) address(a string) {
	if a != "" && !slices.Contains(l.Addresses, a) {
		l.Addresses = append(l.Addresses, a)
	}
}

// top climbs from a controller of pods to what a person would edit.
func (r *reader) top(o corev1.ObjectReference) model.Ref {
	ref := model.Ref{APIVersion: o.APIVersion, Kind: o.Kind, Namespace: o.Namespace, Name: o.Name}
	if o.Kind != "ReplicaSet" {
		return ref
	}
	return r.deployment(o.Namespace, o.Name, ref)
}

// deployment names the Deployment of a ReplicaSet: the controller of the one in the snapshot, else the
// Deployment whose name it carries before its hash.
func (r *reader) deployment(namespace, set string, otherwise model.Ref) model.Ref {
	if rs, ok := r.s.ReplicaSets().Get(namespace, set); ok == snapshot.Present {
		for _, o := range rs.OwnerReferences {
			if o.Controller != nil && *o.Controller {
				return model.Ref{APIVersion: o.APIVersion, Kind: o.Kind, Namespace: namespace, Name: o.Name}
			}
		}
	}
	if i := strings.LastIndexByte(set, '-'); i > 0 {
		if d, ok := r.s.Deployments().Get(namespace, set[:i]); ok == snapshot.Present {
			return snapshot.RefOf(d)
		}
	}
	return otherwise
}

// ownerByName guesses the workload of a pod that is gone by its name: ReplicaSets and DaemonSets add a
// dash and five letters, StatefulSets a dash and a number.
func (r *reader) ownerByName(namespace, pod string) model.Ref {
	i := strings.LastIndexByte(pod, '-')
	if i <= 0 {
		return model.Ref{}
	}
	owner := pod[:i]
	if d := r.deployment(namespace, owner, model.Ref{}); !d.IsZero() {
		return d
	}
	if x, ok := r.s.StatefulSets().Get(namespace, owner); ok == snapshot.Present {
		return snapshot.RefOf(x)
	}
	if x, ok := r.s.DaemonSets().Get(namespace, owner); ok == snapshot.Present {
		return snapshot.RefOf(x)
	}
	return model.Ref{}
}

// earlier is the first of two times; one that is not known does not count.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
