//go:build lab

package signals

import (
	"context"
	"errors"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/gatemend/gatemend/internal/act"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/signal/inside"
	"github.com/gatemend/gatemend/internal/signal/probe"
	"github.com/gatemend/gatemend/lab/cluster"
	"github.com/gatemend/gatemend/lab/image"
	"github.com/gatemend/gatemend/lab/labtest"
	"github.com/gatemend/gatemend/lab/manifest"
)

const guestCluster = "guest"

// TestGuestLooksAtSockets lets containers join pods whose image holds nothing but the application: they tell a process
// that listens on loopback from one that does not listen on the port, and where PodSecurity does not let them in, that
// is said.
func TestGuestLooksAtSockets(t *testing.T) {
	lab := labtest.Open(t, guestCluster, cluster.Options{Name: guestCluster})
	archive, err := image.Cache{Dir: t.TempDir()}.Build(looker(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := lab.LoadImage(t.Context(), archive); err != nil {
		t.Fatal(err)
	}
	if err := lab.Client.Apply(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: manifest.Namespace}}); err != nil {
		t.Fatal(err)
	}
	config, err := lab.RESTConfig()
	if err != nil {
		t.Fatal(err)
	}
	actor := act.New(lab.Client.Kube, nil, nil)
	prober := probe.New(inside.Pods{Config: config, Kube: lab.Client.Kube}, time.Now, func(ctx context.Context, pod model.Ref, argv []string) ([]byte, error) {
		return actor.Guest(ctx, pod, archive.Ref, argv)
	})
	for role, tt := range map[string]struct{ listens, want string }{
		manifest.Web:  {"127.0.0.1:8080", "127.0.0.1:8080"},
		manifest.Cart: {"0.0.0.0:9090", ""},
	} {
		pod := listening(t, lab, role, tt.listens)
		found, unseen := prober.Run(t.Context(), []model.ProbeRoute{{Pods: []model.ProbePort{{Ref: pod, Port: 8080, Container: role}}}})
		i := slices.IndexFunc(found, func(p model.Probe) bool { return p.From == model.FromSockets })
		if i < 0 {
			t.Errorf("%s: no sockets, unseen %v", role, unseen)
			continue
		}
		at := ""
		for _, s := range found[i].Listens {
			if a, err := netip.ParseAddrPort(s); err == nil && a.Port() == 8080 {
				at = s
			}
		}
		if at != tt.want {
			t.Errorf("%s listens at %q on port 8080, want %q; all of it: %v", role, at, tt.want, found[i].Listens)
		}
	}
	refused(t, lab, actor, archive.Ref)
}

// looker is an image with the two programs that a look needs, those of this machine.
func looker(t *testing.T) image.Spec {
	t.Helper()
	spec := image.Spec{Ref: image.Ref("look"), Entrypoint: []string{"/bin/sh"}}
	for _, name := range []string{"sh", "cat"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		spec.Files = append(spec.Files, image.File{Path: "/bin/" + name, Source: path})
	}
	spec, err := spec.WithLibraries()
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// listening runs a pod of a role that listens at an address, and gives it once it runs.
func listening(t *testing.T, lab *labtest.Lab, role, address string) model.Ref {
	t.Helper()
	d := manifest.Deployment(role)
	one := int32(1)
	d.Spec.Replicas = &one
	c := &d.Spec.Template.Spec.Containers[0]
	c.ReadinessProbe, c.LivenessProbe = nil, nil // the kubelet does not come to loopback either
	c.Env = append(c.Env, corev1.EnvVar{Name: "SHOP_LISTEN", Value: address})
	if err := lab.Client.Apply(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	if err := lab.Client.RolledOut(ctx, d.Namespace, d.Name); err != nil {
		t.Fatal(err)
	}
	pods, err := lab.Client.Pods(t.Context(), d)
	if err != nil || len(pods) != 1 {
		t.Fatalf("%d pods of %s: %v", len(pods), role, err)
	}
	return model.Ref{APIVersion: "v1", Kind: "Pod", Namespace: d.Namespace, Name: pods[0].Name}
}

// refused shuts the namespace for pods that are not restricted, as the shop's are not: then nobody may join them.
func refused(t *testing.T, lab *labtest.Lab, actor *act.Actor, ref string) {
	t.Helper()
	patch := []byte(`{"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}`)
	if _, err := lab.Client.Kube.CoreV1().Namespaces().Patch(t.Context(), manifest.Namespace, types.StrategicMergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	pods, err := lab.Client.Pods(t.Context(), manifest.Deployment(manifest.Web))
	if err != nil || len(pods) == 0 {
		t.Fatalf("no pod: %v", err)
	}
	_, err = actor.Guest(t.Context(), model.Ref{APIVersion: "v1", Kind: "Pod", Namespace: manifest.Namespace, Name: pods[0].Name}, ref, []string{"cat", "/proc/net/tcp"})
	if no, ok := errors.AsType[*act.RejectedError](err); !ok || !strings.Contains(no.Error(), "PodSecurity") {
		t.Errorf("%v, want a refusal of PodSecurity", err)
	}
}
