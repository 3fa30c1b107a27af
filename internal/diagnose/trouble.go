package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// trouble is the first thing, in the order of a pod's life, that keeps a pod from serving.
type trouble struct {
	cause     model.CauseID // empty: nothing
	container string
	init      bool
	killed    bool   // by SIGKILL: exit code 137
	why       string // "container web ended with exit code 1"
	at        time.Time
	evidence  []model.Evidence
}

// fresh is how long ago a container may have died and still count as restarting, if it runs again.
const fresh = 15 * time.Minute

// starting is how long a new pod may take to be ready before that is a fault, where others serve.
const starting = time.Minute

// trouble looks a pod over, once.
func (v *view) trouble(p *corev1.Pod) trouble {
	known, ok := v.troubles[p]
	if !ok {
		if t := v.examine(p); t.cause != "" {
			known = &t
		}
		v.troubles[p] = known
	}
	if known == nil {
		return trouble{}
	}
	return *known
}

func (v *view) examine(p *corev1.Pod) trouble {
	if p.DeletionTimestamp != nil {
		return v.held(p)
	}
	for _, look := range []func(*corev1.Pod) trouble{v.scheduling, v.node, v.mounts, v.initContainers, v.containers, v.readiness} {
		if t := look(p); t.cause != "" {
			return t
		}
	}
	return trouble{}
}

func evidenceOf(e *corev1.Event, p *corev1.Pod) model.Evidence {
	ref := snapshot.RefOf(p)
	text := strings.TrimSpace(e.Message)
	if e.Count > 1 {
		text = fmt.Sprintf("%s (%d times)", text, e.Count)
	}
	return model.Evidence{Kind: "event", Text: e.Reason + ": " + text, Object: &ref, At: snapshot.EventTime(e)}
}

// held is the trouble of a pod that was told to stop. It has none, as another one comes in its place; but a StatefulSet makes that
// only when the former is gone, and on a lost node nobody ends it (kubernetes.io, Force Delete StatefulSet Pods).
func (v *view) held(p *corev1.Pod) trouble {
	if owner := metav1.GetControllerOf(p); owner == nil || owner.Kind != "StatefulSet" {
		return trouble{}
	}
	return v.node(p)
}

func (v *view) scheduling(p *corev1.Pod) trouble {
	c := path.PodCondition(p, corev1.PodScheduled)
	if c == nil || c.Status != corev1.ConditionFalse || c.Reason != corev1.PodReasonUnschedulable {
		return trouble{}
	}
	cause := model.CauseID("unschedulable")
	if strings.Contains(strings.ToLower(c.Message), "persistentvolumeclaim") {
		cause = "volume-unavailable"
	}
	if strings.Contains(c.Message, "free ports for the requested pod ports") {
		cause = "sandbox-failed"
	}
	return trouble{cause: cause, why: "is not scheduled: " + c.Message, at: c.LastTransitionTime.Time}
}

// elsewhereBound reports whether the scheduler says that a pod's volume is bound to other nodes: kubernetes/kubernetes,
// pkg/scheduler/framework/plugins/volumebinding, in the words of 1.32 and of 1.33.
func elsewhereBound(why string) bool {
	return strings.Contains(why, "volume node affinity") || strings.Contains(why, "PersistentVolume's node affinity")
}

// nowhereNear reports whether the scheduler finds that a pod's volume is at none of the nodes, but for those that are for the
// control plane. One of which it says something else, that it is full or cordoned, may be the volume's: that is asked first
// (kubernetes/kubernetes, pkg/scheduler/apis/config/v1, getDefaultPlugins).
func nowhereNear(why string) bool {
	_, list, _ := strings.Cut(why, " nodes are available: ")
	list, _, _ = strings.Cut(list, ". preemption: ")
	elsewhere := false
	for _, reason := range strings.Split(strings.TrimSuffix(list, "."), ", ") {
		if elsewhereBound(reason) {
			elsewhere = true
		} else if !strings.Contains(reason, "node-role.kubernetes.io/control-plane") {
			return false
		}
	}
	return elsewhere
}

// volumeElsewhere is the volume of a pod that is bound to some nodes; ok is false where several are, or none is known to be.
func (v *view) volumeElsewhere(p *corev1.Pod) (volume model.Ref, ok bool) {
	for _, vol := range p.Spec.Volumes {
		if vol.PersistentVolumeClaim == nil {
			continue
		}
		pvc, presence := v.s.PersistentVolumeClaims().Get(p.Namespace, vol.PersistentVolumeClaim.ClaimName)
		if presence != snapshot.Present || pvc.Status.Phase != corev1.ClaimBound || pvc.Spec.VolumeName == "" {
			continue
		}
		if ok {
			return model.Ref{}, false
		}
		volume, ok = model.Ref{APIVersion: "v1", Kind: "PersistentVolume", Name: pvc.Spec.VolumeName}, true
	}
	return volume, ok
}

func (v *view) node(p *corev1.Pod) trouble {
	verdict, why := path.NodeReady(v.s, p.Spec.NodeName)
	if verdict != model.Broken {
		return trouble{}
	}
	t := trouble{cause: "node-not-ready", why: "runs on a lost node: " + why}
	if c := path.PodCondition(p, corev1.PodReady); c != nil {
		t.at = c.LastTransitionTime.Time
	}
	return t
}

// mounts reads why a pod that is scheduled does not start: a volume whose source is missing.
func (v *view) mounts(p *corev1.Pod) trouble {
	if p.Status.Phase != corev1.PodPending {
		return trouble{}
	}
	es := v.s.EventsOf(snapshot.RefOf(p))
	for i := len(es) - 1; i >= 0; i-- {
		e := es[i]
		switch e.Reason {
		case "FailedMount":
			if hurried(e) {
				continue
			}
			cause := model.CauseID("volume-unavailable")
			if missingObject.MatchString(e.Message) || strings.Contains(e.Message, "non-existent") {
				cause = "config-missing"
			}
			return trouble{cause: cause, why: "cannot mount a volume: " + e.Message, at: e.FirstTimestamp.Time, evidence: []model.Evidence{evidenceOf(e, p)}}
		case "FailedAttachVolume":
			return trouble{cause: "volume-unavailable", why: "cannot attach a volume: " + e.Message, at: e.FirstTimestamp.Time, evidence: []model.Evidence{evidenceOf(e, p)}}
		case "FailedCreatePodSandBox":
			return trouble{cause: "sandbox-failed", why: "has no sandbox: " + strings.TrimPrefix(e.Message, "(combined from similar events): "), at: e.FirstTimestamp.Time, evidence: []model.Evidence{evidenceOf(e, p)}}
		}
	}
	return trouble{}
}

// hurried reports whether a kubelet could not mount a volume because it, or the API server, had not heard of an object
// yet that was just made: it asks again at once (kubernetes/kubernetes, plugin/pkg/admission/noderestriction, whose list
// of pods may lag behind their binding; pkg/kubelet/util/manager, whose caches fill when the first pod asks).
func hurried(e *corev1.Event) bool {
	const few = 2 // times; after that it is no matter of moments
	lags := strings.Contains(e.Message, "bound to a pod scheduled on a different node") ||
		strings.Contains(e.Message, "failed to sync") && strings.Contains(e.Message, "cache: timed out")
	return lags && e.Count <= few
}

// missingObject and missingKey find in the kubelet's words which ConfigMap or Secret a pod lacks:
// configmap "x" not found, secret "x" not found, couldn't find key k in ConfigMap ns/x,
// references non-existent secret key: k.
var missingObject = regexp.MustCompile(`(?i)\b(configmap|secret) "([^"]+)" not found`)

var missingItem = regexp.MustCompile(`for volume "([^"]+)"\s*: (?:(?:configmap|secret) )?references non-existent (?:secret|config) key: (\S+)`)

var missingKey = regexp.MustCompile(`(?i)couldn't find key (\S+) in (ConfigMap|Secret) ([^/\s]+)/(\S+)`)

func (v *view) initContainers(p *corev1.Pod) trouble {
	for _, st := range p.Status.InitContainerStatuses {
		if st.Ready || st.State.Terminated != nil && st.State.Terminated.ExitCode == 0 {
			continue
		}
		if t := v.waiting(p, st); t.cause == "image-pull" || t.cause == "config-missing" || t.cause == "sandbox-failed" {
			t.init = true
			return t
		}
		last := lastEnd(st)
		if last != nil && last.Reason == "OOMKilled" {
			return trouble{cause: "oom-killed", container: st.Name, init: true, at: last.FinishedAt.Time, killed: true,
				why: fmt.Sprintf("init container %s was killed for using more memory than its limit (%d restarts), so its containers never start", st.Name, st.RestartCount)}
		}
		if last != nil && last.ExitCode != 0 {
			return trouble{cause: "init-blocked", container: st.Name, init: true, at: last.FinishedAt.Time,
				why: fmt.Sprintf("init container %s ends with exit code %d, so its containers never start", st.Name, last.ExitCode)}
		}
		// The kubelet says of every init container that runs that it is started (pkg/kubelet/prober, UpdatePodStatus);
		// only for those that are to go on running, beside the others, is that enough.
		started := st.Started != nil && *st.Started && staysOn(p, st.Name)
		if st.State.Running != nil && v.s.At().Sub(st.State.Running.StartedAt.Time) > 5*starting && !started {
			return trouble{cause: "init-blocked", container: st.Name, init: true, at: st.State.Running.StartedAt.Time,
				why: fmt.Sprintf("init container %s has not finished since %s, so its containers never start", st.Name, clock(st.State.Running.StartedAt.Time))}
		}
	}
	return trouble{}
}

// staysOn reports whether an init container is to run as long as its pod does.
func staysOn(p *corev1.Pod, name string) bool {
	return slices.ContainsFunc(p.Spec.InitContainers, func(c corev1.Container) bool {
		return c.Name == name && c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
	})
}

func (v *view) containers(p *corev1.Pod) trouble {
	for _, st := range p.Status.ContainerStatuses {
		if t := v.waiting(p, st); t.cause != "" {
			return t
		}
		if t := v.dying(p, st); t.cause != "" {
			return t
		}
	}
	return trouble{}
}

// waiting reads why a container cannot be made.
func (v *view) waiting(p *corev1.Pod, st corev1.ContainerStatus) trouble {
	w := st.State.Waiting
	if w == nil {
		return trouble{}
	}
	t := trouble{container: st.Name, why: fmt.Sprintf("container %s is in %s: %s", st.Name, w.Reason, w.Message)}
	if c := path.PodCondition(p, corev1.PodScheduled); c != nil {
		t.at = c.LastTransitionTime.Time
	}
	switch w.Reason {
	case "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable":
		t.cause = "image-pull"
		for _, e := range v.s.EventsOf(snapshot.RefOf(p)) {
			if e.Reason == "Failed" && strings.HasPrefix(e.Message, "Failed to pull") {
				t.evidence = []model.Evidence{evidenceOf(e, p)}
			}
		}
	case "CreateContainerConfigError":
		t.cause = "config-missing"
		if strings.Contains(w.Message, "runAsNonRoot") || strings.Contains(w.Message, "runAsUser") {
			t.cause = "sandbox-failed"
		}
	case "RunContainerError", "CreateContainerError", "StartError":
		t.cause = "container-crashloop"
		if unconfined.MatchString(w.Message) {
			t.cause = "sandbox-failed"
		}
	}
	return t
}

// unconfined finds in the kubelet's words that the node could not confine a container as its security context asks: the
// profile is not there, or the node has no such means (containerd, pkg/cri; opencontainers/runc, libcontainer).
var unconfined = regexp.MustCompile(`(?i)seccomp (profile|spec)|apparmor|selinux|/proc/sys/|sysctl|cgroup.*(not supported|no such)|unsupported capabilit|unknown capability|userns|user namespace`)

// lastEnd is how a container last ended, nil if it never did.
func lastEnd(st corev1.ContainerStatus) *corev1.ContainerStateTerminated {
	if st.State.Terminated != nil {
		return st.State.Terminated
	}
	return st.LastTerminationState.Terminated
}

// dying reads why a container ends again and again. A container that runs and is ready counts only
// if it died just now; old restarts are history.
func (v *view) dying(p *corev1.Pod, st corev1.ContainerStatus) trouble {
	last := lastEnd(st)
	if last == nil {
		return v.beingKilled(p, st)
	}
	looping := st.State.Waiting != nil && st.State.Waiting.Reason == "CrashLoopBackOff" || st.State.Terminated != nil
	recent := v.s.At().Sub(last.FinishedAt.Time) < fresh
	if !looping && (!recent || st.Ready && st.RestartCount <= 1) {
		return trouble{}
	}
	t := trouble{container: st.Name, at: last.FinishedAt.Time, killed: last.ExitCode == 137}
	if last.Reason == "OOMKilled" {
		t.cause = "oom-killed"
		t.why = fmt.Sprintf("container %s was killed for using more memory than its limit (%d restarts)", st.Name, st.RestartCount)
		return t
	}
	if e := v.killedByProbe(p, st.Name); e != nil {
		return v.restarted(p, st, e, t)
	}
	if v.otherArchitecture(p, st.Name, last) {
		t.cause = "image-pull"
		t.why = fmt.Sprintf("container %s ended with exit code %d: its image is for another architecture (exec format error)", st.Name, last.ExitCode)
		return t
	}
	t.cause = "container-crashloop"
	t.why = fmt.Sprintf("container %s ended with exit code %d (%d restarts)", st.Name, last.ExitCode, st.RestartCount)
	if last.Reason != "" && last.Reason != "Error" && last.Reason != "Completed" {
		t.why = fmt.Sprintf("container %s ended with exit code %d, %s (%d restarts)", st.Name, last.ExitCode, last.Reason, st.RestartCount)
	}
	return t
}

// beingKilled reads why a container that has not ended yet is about to: the kubelet says so when it decides it, which may be
// the whole grace period before the container's status tells (kubernetes/kubernetes, pkg/kubelet/kuberuntime, killContainer).
// One that is ready serves until then.
func (v *view) beingKilled(p *corev1.Pod, st corev1.ContainerStatus) trouble {
	e := v.killing(p, st.Name)
	if e == nil || st.Ready || st.State.Running == nil || !snapshot.EventTime(e).After(st.State.Running.StartedAt.Time) {
		return trouble{}
	}
	return v.restarted(p, st, e, trouble{container: st.Name, at: snapshot.EventTime(e)})
}

// restarted says of a container that its probe has it restarted, as an event tells.
func (v *view) restarted(p *corev1.Pod, st corev1.ContainerStatus, e *corev1.Event, t trouble) trouble {
	t.cause = "liveness-probe-kills"
	t.why = fmt.Sprintf("container %s is restarted by its probe (%d restarts)", st.Name, st.RestartCount)
	t.evidence = []model.Evidence{evidenceOf(e, p)}
	if w := v.workload(v.s.WorkloadOf(p)); w != nil && v.stillStarting(w, p, st, v.probeSaid(p)) {
		t.cause = "startup-too-slow"
	}
	return t
}

// otherArchitecture reports whether the kernel could not run a container's program: the runtime or the log
// says "exec format error".
func (v *view) otherArchitecture(p *corev1.Pod, container string, last *corev1.ContainerStateTerminated) bool {
	const says = "exec format error"
	if strings.Contains(last.Message, says) {
		return true
	}
	for _, log := range v.in.Logs {
		if log.Pod.Name != p.Name || log.Container != "" && log.Container != container || len(log.Lines) == 0 {
			continue
		}
		if strings.Contains(log.Lines[len(log.Lines)-1], says) {
			return true
		}
	}
	return false
}

// probeSaid is the newest word of a liveness or startup probe that failed.
func (v *view) probeSaid(p *corev1.Pod) string {
	said := ""
	for _, e := range v.s.EventsOf(snapshot.RefOf(p)) {
		if e.Reason == "Unhealthy" && !strings.HasPrefix(e.Message, "Readiness") {
			said = e.Message
		}
	}
	return said
}

// killing finds the event with which the kubelet says that it restarts a container for its liveness or startup probe.
func (v *view) killing(p *corev1.Pod, container string) *corev1.Event {
	es := v.s.EventsOf(snapshot.RefOf(p))
	for i := len(es) - 1; i >= 0; i-- {
		m := es[i].Message
		if es[i].Reason == "Killing" && (strings.Contains(m, "failed liveness probe") || strings.Contains(m, "failed startup probe")) && strings.Contains(m, container) {
			return es[i]
		}
	}
	return nil
}

// killedByProbe finds the event from which it is known that a container that has ended was restarted for its liveness or
// startup probe.
func (v *view) killedByProbe(p *corev1.Pod, container string) *corev1.Event {
	if e := v.killing(p, container); e != nil {
		return e
	}
	es := v.s.EventsOf(snapshot.RefOf(p))
	for i := len(es) - 1; i >= 0; i-- {
		m := es[i].Message
		if es[i].Reason == "Unhealthy" && (strings.HasPrefix(m, "Liveness probe failed") || strings.HasPrefix(m, "Startup probe failed")) && len(p.Spec.Containers) == 1 {
			return es[i]
		}
	}
	return nil
}

// readiness reads why a container that runs is not ready.
func (v *view) readiness(p *corev1.Pod) trouble {
	if path.Ready(p) {
		return trouble{}
	}
	for _, st := range p.Status.ContainerStatuses {
		if st.Ready || st.State.Running == nil {
			continue
		}
		t := trouble{cause: "pods-not-ready", container: st.Name, at: st.State.Running.StartedAt.Time}
		if c := path.PodCondition(p, corev1.PodReady); c != nil && c.LastTransitionTime.After(t.at) {
			t.at = c.LastTransitionTime.Time
		}
		t.why = fmt.Sprintf("container %s runs and is not ready", st.Name)
		if e := v.unhealthy(p); e != nil {
			t.why += ": " + strings.TrimSpace(e.Message)
			t.evidence = []model.Evidence{evidenceOf(e, p)}
		}
		return t
	}
	if c := path.PodCondition(p, corev1.ContainersReady); c != nil && c.Status == corev1.ConditionTrue {
		var gates []string
		for _, g := range p.Spec.ReadinessGates {
			if pc := path.PodCondition(p, g.ConditionType); pc == nil || pc.Status != corev1.ConditionTrue {
				gates = append(gates, string(g.ConditionType))
			}
		}
		if len(gates) > 0 {
			return trouble{cause: "readiness-gate-unmet", why: "its readiness gate " + strings.Join(gates, ", ") + " is not satisfied"}
		}
	}
	return trouble{}
}

// unhealthy is the newest event of a failed readiness probe, nil if there is none.
func (v *view) unhealthy(p *corev1.Pod) *corev1.Event {
	es := v.s.EventsOf(snapshot.RefOf(p))
	for i := len(es) - 1; i >= 0; i-- {
		if es[i].Reason == "Unhealthy" && strings.HasPrefix(es[i].Message, "Readiness probe") {
			return es[i]
		}
	}
	return nil
}
