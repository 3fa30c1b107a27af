package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	proxyimage "github.com/gatemend/gatemend/internal/proxy/image"
	"github.com/gatemend/gatemend/internal/snapshot"
)

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
