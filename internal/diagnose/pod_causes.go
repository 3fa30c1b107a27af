package diagnose

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/gatemend/gatemend/internal/model"
	proxyimage "github.com/gatemend/gatemend/internal/proxy/image"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// podKinds are the kinds that tell how a workload's pods fare.
func podKinds() []snapshot.Kind {
	return []snapshot.Kind{snapshot.Services, snapshot.EndpointSlices, snapshot.Pods, snapshot.Deployments, snapshot.ReplicaSets, snapshot.StatefulSets, snapshot.DaemonSets, snapshot.Events}
}

// perWorkload makes findings of the workloads with pods that have one trouble.
func perWorkload(cause model.CauseID, describe func(v *view, w *workload, pods []*corev1.Pod) finding) func(v *view) []finding {
	return func(v *view) []finding {
		var out []finding
		for _, w := range v.workloads {
			if pods := v.affected(w, cause); len(pods) > 0 {
				out = append(out, describe(v, w, pods))
			}
		}
		return out
	}
}

func initBlocked() Analyzer {
	return Analyzer{
		Cause: "init-blocked", Doc: "Finds pods whose init container never succeeds, so that their containers never start.", Inputs: podKinds(),
		run: perWorkload("init-blocked", func(v *view, w *workload, pods []*corev1.Pod) finding {
			t := v.trouble(pods[0])
			field, c, _ := containerField(w, t.container, true)
			return v.onWorkload(w, "init-blocked", seen, field+v.crashField(w, c, t), fmt.Sprintf("%s: %s", w.ref, t.why), pods)
		}),
	}
}

func volumeUnavailable() Analyzer {
	return Analyzer{
		Cause: "volume-unavailable", Doc: "Finds pods that wait for a volume that is not bound, attached or mounted.",
		Inputs: append(podKinds(), snapshot.PersistentVolumeClaims),
		run: perWorkload("volume-unavailable", func(v *view, w *workload, pods []*corev1.Pod) finding {
			t := v.trouble(pods[0])
			f := v.onWorkload(w, "volume-unavailable", seen, volumeField(w, t.why), fmt.Sprintf("pod %s of %s %s", pods[0].Name, w.ref, t.why), pods)
			if object, ok := v.claimAtFault(w, pods[0], t.why); ok {
				f.Object = object
			}
			return f
		}),
	}
}

// volumeField is the volume of which the kubelet speaks, as in: MountVolume.SetUp failed for volume "keys".
func volumeField(w *workload, why string) string {
	for i, vol := range w.template.template.Spec.Volumes {
		if strings.Contains(why, fmt.Sprintf("volume %q", vol.Name)) {
			return fmt.Sprintf("spec.template.spec.volumes[%d]", i)
		}
	}
	return "spec.template.spec.volumes"
}

func sandboxFailed() Analyzer {
	return Analyzer{
		Cause: "sandbox-failed", Doc: "Finds pods whose sandbox or security context cannot be set up.", Inputs: podKinds(),
		run: func(v *view) []finding {
			found := perWorkload("sandbox-failed", func(v *view, w *workload, pods []*corev1.Pod) finding {
				t := v.trouble(pods[0])
				f := v.onWorkload(w, "sandbox-failed", seen, sandboxField(w, t.why, t.container, t.init), fmt.Sprintf("pod %s of %s %s", pods[0].Name, w.ref, t.why), pods)
				if f.Object.Field == "" {
					delete(f.Related, "goodRevision") // its pods would fare no better
				}
				return f
			})(v)
			for _, w := range v.workloads {
				if f, ok := v.turnedAway(w); ok {
					found = append(found, f)
				}
			}
			return found
		},
	}
}

// turnedAway finds pods that a kubelet did not admit: they have failed for good, and what replaces them fails as
// they did (k8s.io/kubernetes, pkg/kubelet/lifecycle, pkg/kubelet/sysctl, pkg/security/apparmor: the reasons).
func (v *view) turnedAway(w *workload) (finding, bool) {
	if w.serving > 0 || len(w.pods) > 0 {
		return finding{}, false
	}
	for p := range v.s.Pods().In(w.ref.Namespace) {
		if !slices.Contains([]string{"SysctlForbidden", "AppArmor", "UnexpectedAdmissionError", "PodOSNotSupported", "PodOSSelectorNodeLabelDoesNotMatch"}, p.Status.Reason) || v.s.WorkloadOf(p) != w.ref {
			continue
		}
		why := p.Status.Reason + ": " + p.Status.Message
		f := v.onWorkload(w, "sandbox-failed", seen, sandboxField(w, why, "", false), fmt.Sprintf("pod %s of %s was turned away by the kubelet: %s", p.Name, w.ref, why), nil)
		return f.because("status", why, snapshot.RefOf(p), time.Time{}).relates("pod", snapshot.RefOf(p)), true
	}
	return finding{}, false
}

// claimAtFault finds which claim keeps a pod waiting, and what of it: it is not there, its class is not,
// it is not bound, or its volume is bound to one pod.
func (v *view) claimAtFault(w *workload, p *corev1.Pod, why string) (model.FieldRef, bool) {
	for _, vol := range p.Spec.Volumes {
		if vol.PersistentVolumeClaim == nil {
			continue
		}
		name := vol.PersistentVolumeClaim.ClaimName
		ref := model.Ref{APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: w.ref.Namespace, Name: name}
		pvc, presence := v.s.PersistentVolumeClaims().Get(w.ref.Namespace, name)
		switch {
		case presence == snapshot.Absent || strings.Contains(why, fmt.Sprintf("persistentvolumeclaim %q not found", name)):
			return at(ref, objectMissing), true
		case presence != snapshot.Present:
			continue
		case pvc.Status.Phase != corev1.ClaimBound:
			for _, e := range v.s.EventsOf(ref) {
				if strings.Contains(e.Message, "storageclass") && strings.Contains(e.Message, "not found") {
					return at(ref, "spec.storageClassName"), true
				}
			}
			return at(ref, "status.phase"), true
		case strings.Contains(why, "Multi-Attach"), strings.Contains(why, "ReadWriteOncePod"):
			return at(ref, "spec.accessModes"), true
		}
	}
	return model.FieldRef{}, false
}

// sandboxField is the part of the template of which the kubelet or the scheduler speaks, and for which container, if for one. It is
// empty where the node's network is not set up for a pod: no template asks for that.
func sandboxField(w *workload, why, container string, init bool) string {
	switch {
	case strings.Contains(why, "free ports"):
		for i, c := range w.template.template.Spec.Containers {
			for j, p := range c.Ports {
				if p.HostPort != 0 {
					return fmt.Sprintf("spec.template.spec.containers[%d].ports[%d].hostPort", i, j)
				}
			}
		}
	case strings.Contains(why, "sysctl"):
		return "spec.template.spec.securityContext.sysctls"
	case strings.Contains(why, "RuntimeHandler") || strings.Contains(why, "runtime handler") || strings.Contains(why, "RuntimeClass") || strings.Contains(why, "no runtime for"):
		return "spec.template.spec.runtimeClassName"
	case strings.Contains(why, "runAsNonRoot"):
		return nonRootField(w, container, init)
	case strings.Contains(why, "network for sandbox") || strings.Contains(why, "network for pod"):
		return ""
	}
	return "spec.template.spec.securityContext"
}

// nonRootField is where a template asks that a container does not run as root: the container's own word goes before the pod's.
func nonRootField(w *workload, container string, init bool) string {
	const asks = "securityContext.runAsNonRoot"
	if field, c, ok := containerField(w, container, init); ok && c.SecurityContext != nil && c.SecurityContext.RunAsNonRoot != nil {
		return field + "." + asks
	}
	return "spec.template.spec." + asks
}

func readinessGateUnmet() Analyzer {
	return Analyzer{
		Cause: "readiness-gate-unmet", Doc: "Finds pods that wait for a readiness gate.", Inputs: podKinds(),
		run: perWorkload("readiness-gate-unmet", func(v *view, w *workload, pods []*corev1.Pod) finding {
			return v.onWorkload(w, "readiness-gate-unmet", seen, "spec.template.spec.readinessGates", fmt.Sprintf("%s: %s", w.ref, v.trouble(pods[0]).why), pods)
		}),
	}
}

func unschedulable() Analyzer {
	return Analyzer{
		Cause: "unschedulable", Doc: "Finds workloads whose pods fit on no node.", Inputs: append(podKinds(), snapshot.Nodes, snapshot.PersistentVolumeClaims),
		run: func(v *view) []finding {
			out := perWorkload("unschedulable", func(v *view, w *workload, pods []*corev1.Pod) finding {
				t := v.trouble(pods[0])
				f := v.onWorkload(w, "unschedulable", seen, unschedulableField(w, t.why), fmt.Sprintf("%s of %s: the scheduler finds no node: %s", share(len(pods), w.size()), w.ref, strings.TrimPrefix(t.why, "is not scheduled: ")), pods)
				if nowhereNear(t.why) {
					if volume, ok := v.volumeElsewhere(pods[0]); ok {
						f.Object = at(volume, "spec.nodeAffinity")
					}
				}
				return f
			})(v)
			for _, w := range v.workloads {
				if f, ok := v.forNoNode(w); ok {
					out = append(out, f)
				}
			}
			return out
		},
	}
}

// forNoNode finds a DaemonSet whose node selector no node fits: it then makes no pods at all, which could say why.
func (v *view) forNoNode(w *workload) (finding, bool) {
	selector := w.template.template.Spec.NodeSelector
	if w.ref.Kind != "DaemonSet" || len(w.pods) > 0 || len(w.routes) == 0 || len(selector) == 0 || !v.s.Nodes().Covers("") || !v.s.Pods().Covers(w.ref.Namespace) {
		return finding{}, false
	}
	nodes := 0
	for n := range v.s.Nodes().All() {
		if nodes++; matches(selector, n.Labels) {
			return finding{}, false
		}
	}
	if nodes == 0 {
		return finding{}, false
	}
	return v.onWorkload(w, "unschedulable", proven, "spec.template.spec.nodeSelector", fmt.Sprintf("%s is for nodes with %s, and none of the %d nodes has that", w.ref, pairs(selector), nodes), nil), true
}

// unschedulableField is the part of the template that the scheduler's message speaks of.
func unschedulableField(w *workload, why string) string {
	spec := w.template.template.Spec
	switch {
	case strings.Contains(why, "didn't match Pod's node affinity/selector") || strings.Contains(why, "node selector"):
		if len(spec.NodeSelector) > 0 {
			return "spec.template.spec.nodeSelector"
		}
		return "spec.template.spec.affinity.nodeAffinity"
	case strings.Contains(why, "anti-affinity"):
		return "spec.template.spec.affinity.podAntiAffinity"
	case strings.Contains(why, "pod affinity rules"):
		return "spec.template.spec.affinity.podAffinity"
	case strings.Contains(why, "topology spread"):
		return "spec.template.spec.topologySpreadConstraints"
	}
	if field := insufficientField(spec, why); field != "" {
		return field
	}
	if nowhereNear(why) {
		return "spec.template.spec.volumes"
	}
	if strings.Contains(why, "taint") {
		return "spec.template.spec.tolerations"
	}
	return "spec.template.spec"
}

// insufficient finds the resource of which no node has enough, in the scheduler's words: a name of the core, or one with
// a domain, as nvidia.com/gpu (k8s.io/kubernetes, pkg/scheduler/framework/plugins/noderesources).
var insufficient = regexp.MustCompile(`Insufficient ([a-z0-9./-]*[a-z0-9])`)

// insufficientField is the request of the container that asks most of a resource of which the scheduler finds too little.
func insufficientField(spec corev1.PodSpec, why string) string {
	for _, m := range insufficient.FindAllStringSubmatch(why, -1) {
		name, most, largest := corev1.ResourceName(m[1]), resource.Quantity{}, -1
		for i := range spec.Containers {
			if q := spec.Containers[i].Resources.Requests.Name(name, ""); q.Cmp(most) > 0 {
				most, largest = *q, i
			}
		}
		switch {
		case largest < 0:
			continue
		case strings.ContainsAny(m[1], "./"):
			return fmt.Sprintf("spec.template.spec.containers[%d].resources.requests['%s']", largest, name)
		default:
			return fmt.Sprintf("spec.template.spec.containers[%d].resources.requests.%s", largest, name)
		}
	}
	return ""
}

func imagePull() Analyzer {
	return Analyzer{
		Cause: "image-pull", Doc: "Finds workloads whose image cannot be pulled.", Inputs: append(podKinds(), snapshot.Secrets),
		run: perWorkload("image-pull", func(v *view, w *workload, pods []*corev1.Pod) finding {
			t := v.trouble(pods[0])
			field, c, ok := containerField(w, t.container, t.init)
			image := ""
			if ok {
				image = c.Image
			}
			f := v.onWorkload(w, "image-pull", seen, field+".image", fmt.Sprintf("image %s of %s cannot be pulled, so %s %s to start", image, w.ref, share(len(pods), w.size()), form(len(pods), "fails", "fail")), pods)
			if strings.Contains(t.why, "exec format error") {
				f.Summary = fmt.Sprintf("image %s of %s is for another architecture than its nodes, so %s %s to start", image, w.ref, share(len(pods), w.size()), form(len(pods), "fails", "fail"))
			}
			if b := beforeContainer(w, t.container); b != nil && !f.Related["goodRevision"].IsZero() && b.Image != image {
				f = f.wants(text(b.Image))
			}
			if field, secret, sure := v.pullSecretMissing(w, pods[0], t.container, image); field != "" {
				f = f.because("object", fmt.Sprintf("%s of %s names Secret %s, which does not exist", field, w.ref, secret.Name), secret, time.Time{})
				if sure {
					f.Object.Field, f.Wanted = field, ""
					f.Summary += fmt.Sprintf(": it is to be pulled with Secret %s, which does not exist", secret.Name)
				}
			}
			return f
		}),
	}
}

// refusedPull finds that a registry wants to know who asks: the words of containerd and Docker for its answers 401 and 403.
// mayBeMissing finds what Docker Hub answers for an image that is not there as well.
var (
	refusedPull  = regexp.MustCompile(`(?i)unauthorized|authori[sz]ation (?:failed|required)|authentication required|no basic auth credentials|access denied|denied:|40[13] (?:unauthorized|forbidden)`)
	mayBeMissing = regexp.MustCompile(`(?i)does not exist or may require`)
)

// pullSecretMissing finds the Secret with which an image is to be pulled, if it does not exist and the registry refuses
// whoever does not say who it is. The kubelet goes on without such a Secret (k8s.io/kubernetes, pkg/kubelet,
// getPullSecretsForPod). sure is false where the registry may have refused what another Secret says, or have no such image.
func (v *view) pullSecretMissing(w *workload, p *corev1.Pod, container, image string) (field string, secret model.Ref, sure bool) {
	var said []string
	for _, e := range v.s.EventsOf(snapshot.RefOf(p)) {
		if strings.Contains(e.Message, "pull") && strings.Contains(e.Message, image) {
			said = append(said, e.Message)
		}
	}
	for _, st := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		if st.Name == container && st.State.Waiting != nil {
			said = append(said, st.State.Waiting.Message)
		}
	}
	said = slices.DeleteFunc(said, func(s string) bool { return !refusedPull.MatchString(s) })
	if len(said) == 0 {
		return "", model.Ref{}, false
	}
	was := beforeContainer(w, container)
	sure = was != nil && proxyimage.Repository(was.Image) == proxyimage.Repository(image) || !slices.ContainsFunc(said, mayBeMissing.MatchString)
	for i, ref := range w.template.template.Spec.ImagePullSecrets {
		_, presence := v.s.Secrets().Get(w.ref.Namespace, ref.Name)
		switch {
		case presence != snapshot.Absent:
			sure = false
		case field == "" && !neverNeeded(w, was, ref, image):
			field = fmt.Sprintf("spec.template.spec.imagePullSecrets[%d].name", i)
			secret = model.Ref{APIVersion: "v1", Kind: "Secret", Namespace: w.ref.Namespace, Name: ref.Name}
		}
	}
	return field, secret, sure
}

// neverNeeded reports whether the revision before worked although it names the same Secret: it is then the image that
// came with the new one that cannot be pulled. The same image may have been on the nodes since the Secret was there.
func neverNeeded(w *workload, was *corev1.Container, secret corev1.LocalObjectReference, image string) bool {
	_, fine := w.fine()
	return fine && slices.Contains(w.before.Spec.Template.Spec.ImagePullSecrets, secret) && (was == nil || was.Image != image)
}

func oomKilled() Analyzer {
	return Analyzer{
		Cause: "oom-killed", Doc: "Finds containers, and processes in them, that are killed at their memory limit.", Inputs: podKinds(),
		run: func(v *view) []finding { return append(oomKilledContainers()(v), v.killedWorkers()...) },
	}
}

func oomKilledContainers() func(*view) []finding {
	return perWorkload("oom-killed", func(v *view, w *workload, pods []*corev1.Pod) finding {
		t := v.trouble(pods[0])
		field, c, ok := containerField(w, t.container, t.init)
		limit := "its node's memory"
		if ok {
			if q, has := c.Resources.Limits[corev1.ResourceMemory]; has {
				limit = "its limit of " + q.String()
			}
		}
		f := v.onWorkload(w, "oom-killed", seen, field+".resources.limits.memory", fmt.Sprintf("container %s of %s is killed for using more memory than %s", t.container, w.ref, limit), pods)
		if b := beforeContainer(w, t.container); ok && b != nil && !f.Related["goodRevision"].IsZero() {
			was, had := b.Resources.Limits[corev1.ResourceMemory]
			if now := c.Resources.Limits[corev1.ResourceMemory]; had && was.Cmp(now) > 0 {
				f = f.wants(text(was.String()))
			}
		}
		if ok {
			f = filledByFiles(f, w, c)
		}
		return f
	})
}

// filledByFiles adds to a finding about a container's memory that it writes to a directory that is in memory, and may get as
// large as its limit: its files count against that. Where the newest revision moved it there, that is what is wrong.
func filledByFiles(f finding, w *workload, c *corev1.Container) finding {
	limit, limited := c.Resources.Limits[corev1.ResourceMemory]
	for i, vol := range w.template.template.Spec.Volumes {
		d := vol.EmptyDir
		if d == nil || d.Medium != corev1.StorageMediumMemory || !limited || d.SizeLimit != nil && d.SizeLimit.Cmp(limit) < 0 ||
			!slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == vol.Name && !m.ReadOnly }) {
			continue
		}
		field := fmt.Sprintf("spec.template.spec.volumes[%d].emptyDir", i)
		f = f.because("object", fmt.Sprintf("volume %s is in memory, and what is written to it counts against that limit", vol.Name), w.ref, time.Time{})
		if w.before != nil && !slices.ContainsFunc(w.before.Spec.Template.Spec.Volumes, func(b corev1.Volume) bool {
			return b.Name == vol.Name && b.EmptyDir != nil && b.EmptyDir.Medium == corev1.StorageMediumMemory
		}) {
			f.Object.Field, f.Wanted = field+".medium", ""
			f.Summary += fmt.Sprintf("; since revision %d its directory %s is in memory", snapshot.Revision(w.newest), vol.Name)
		}
	}
	return f
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
