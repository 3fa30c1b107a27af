//go:build lab

package controller_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/gatemend/gatemend/internal/install"
	"github.com/gatemend/gatemend/internal/testkit/audit"
	"github.com/gatemend/gatemend/lab/chart"
	"github.com/gatemend/gatemend/lab/cluster"
	"github.com/gatemend/gatemend/lab/fault"
	"github.com/gatemend/gatemend/lab/image"
	"github.com/gatemend/gatemend/lab/labtest"
	"github.com/gatemend/gatemend/lab/load"
	"github.com/gatemend/gatemend/lab/manifest"
	"github.com/gatemend/gatemend/lab/release"
)

// name is that of the cluster of this test.
const name = "controller"

// imageRef is how gatemend's image is called here; no registry has it, so that no other can be taken for it.
const imageRef = "gatemend.test/gatemend:lab"

// ownPods are gatemend's, in a namespace that has others, too.
var ownPods = metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=gatemend"}

// The times of a fault, in a cluster that has two processors for everything.
const (
	answersWithin = 2 * time.Minute // from the fault to the incident's end
	calmFor       = 4 * time.Second // without any error
	requests      = 25              // a second and route
)

type bench struct {
	*labtest.Lab

	namespace string // of gatemend
	run       *load.Run
	begin     time.Time
}

// TestInstalled installs gatemend from its manifests and its own image, and breaks the shop. In mode propose nothing is
// touched; in mode auto and under a policy the same incident is mended, others are, and none of it needs more rights than the
// manifests give.
func TestInstalled(t *testing.T) {
	b := open(t)
	t.Run("modes", b.modes)
	t.Run("leaders", func(t *testing.T) {
		b.automatic(t)
		b.killLeaders(t, number(t, "CONTROLLER_INCIDENTS", 1), uint64(number(t, "CONTROLLER_SEED", 1)))
	})
	t.Run("outages", func(t *testing.T) {
		b.automatic(t)
		b.outages(t, time.Duration(number(t, "CONTROLLER_OUTAGE", 0))*time.Second)
	})
	t.Run("agents", func(t *testing.T) {
		b.automatic(t)
		b.agents(t)
	})
	b.bounded(t)
	if denied := b.denied(t); len(denied) > 0 {
		t.Errorf("it may not do what it tries to: %s", strings.Join(denied, ", "))
	}
}

// automatic installs mode auto, with a policy that lets everything be mended.
func (b *bench) automatic(t *testing.T) {
	t.Helper()
	b.install(t, "auto")
	if err := b.Client.Apply(t.Context(), policy("auto")); err != nil {
		t.Fatal(err)
	}
}

// modes goes from the most careful mode to the boldest one.
func (b *bench) modes(t *testing.T) {
	b.install(t, "observe")
	f := b.breaks(t, "wrong-selector")
	b.await(t, f, "Diagnosed")
	if plans := b.plans(t); len(plans) > 0 {
		t.Errorf("in mode observe it proposed %v", plans)
	}
	b.install(t, "propose")
	b.await(t, f, "Proposed", "AwaitingApproval")
	if wrote := b.wrote(t); len(wrote) > 0 {
		t.Fatalf("in mode propose it changed %v", wrote)
	}
	b.automatic(t)
	b.await(t, f, "Resolved")
	b.calm(t)
	for _, name := range []string{"wrong-target-port", "readiness-path"} {
		b.await(t, b.breaks(t, name), "Resolved")
		b.calm(t)
	}
	if wrote := b.wrote(t); len(wrote) != 3 {
		t.Errorf("it changed %v: not each once", wrote)
	}
}

// number reads a variable.
func number(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		t.Fatalf("%s=%q is no number", variable, text)
	}
	return n
}

func open(t *testing.T) *bench {
	t.Helper()
	lab := labtest.Open(t, name, cluster.Options{Name: name, Audit: true})
	lab.Install(t)
	if err := lab.Client.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := lab.OptIn(t.Context(), "enabled"); err != nil {
		t.Fatal(err)
	}
	archive := image.Archive{Ref: imageRef, Path: filepath.Join(t.TempDir(), "image.tar")}
	digest, err := release.Write(archive.Path, release.Options{
		Ref: imageRef, Version: "lab", Created: time.Unix(0, 0), Programs: []release.Program{{Architecture: runtime.GOARCH, Path: labtest.Program(t)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	archive.Digest = digest.String()
	if err := lab.LoadImage(t.Context(), archive); err != nil {
		t.Fatal(err)
	}
	b := &bench{Lab: lab, namespace: install.Namespace, begin: time.Now()}
	b.run, err = load.Start(t.Context(), lab.DialContext, lab.Targets(t), load.Limits{Rate: requests, Count: requests * 5400, Duration: 90 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.run.Stop() })
	b.calm(t)
	return b
}

// install applies the manifests of a mode and waits until all replicas run.
func (b *bench) install(t *testing.T, mode string) {
	t.Helper()
	text, err := install.Manifests(install.Options{Mode: mode, Namespace: install.Namespace, Image: imageRef})
	if err != nil {
		t.Fatal(err)
	}
	b.apply(t, text)
}

// installChart does so with values of the chart.
func (b *bench) installChart(t *testing.T, values map[string]any) {
	t.Helper()
	repository, tag, _ := strings.Cut(imageRef, ":")
	values["image"] = map[string]any{"repository": repository, "tag": tag, "pullPolicy": "Never"}
	text, err := chart.Render(filepath.Join("..", "..", "charts", "gatemend"), chart.Release{Name: "gatemend", Namespace: b.namespace, Values: values})
	if err != nil {
		t.Fatal(err)
	}
	namespace := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": b.namespace}}}
	if err := b.Client.Apply(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	b.apply(t, text)
}

func (b *bench) apply(t *testing.T, text string) {
	t.Helper()
	for _, o := range objects(t, text) {
		if err := b.Client.Apply(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	b.awaitReplicas(t)
}

// awaitReplicas waits until all replicas run, and no former ones.
func (b *bench) awaitReplicas(t *testing.T) {
	t.Helper()
	b.Await(t, "gatemend's replicas", 2*time.Minute, func() bool {
		d, err := b.Client.Kube.AppsV1().Deployments(b.namespace).Get(t.Context(), "gatemend", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		s := d.Status
		return s.ObservedGeneration == d.Generation && s.UpdatedReplicas == *d.Spec.Replicas && s.AvailableReplicas == s.UpdatedReplicas && s.Replicas == s.UpdatedReplicas
	})
}

// objects reads a stream of YAML.
func objects(t *testing.T, text string) []*unstructured.Unstructured {
	t.Helper()
	var out []*unstructured.Unstructured
	in := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	for {
		o := &unstructured.Unstructured{}
		err := in.Decode(&o.Object)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(o.Object) > 0 {
			out = append(out, o)
		}
	}
}

// many is more than there are faults here.
const many = int64(1000)

// policy says how far everything goes in namespaces that opted in.
func policy(mode string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "gatemend.dev/v1alpha1", "kind": "RemediationPolicy", "metadata": map[string]any{"name": "all"},
		"spec": map[string]any{"rules": []any{map[string]any{"name": "all", "mode": mode}}, "limits": map[string]any{
			"cooldown": "0s", "actionsPerHour": map[string]any{"object": many, "namespace": many, "cluster": many}, "storm": map[string]any{"incidents": many},
		}},
	}}
}

func (b *bench) breaks(t *testing.T, name string) fault.Fault {
	t.Helper()
	f, err := fault.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Inject(t.Context(), b.Client); err != nil {
		t.Fatal(err)
	}
	return f
}

// await waits until the incident of a fault, which is told by its cause, is in one of some phases: several routes that
// fail for one cause are one incident, under the name of any of them.
func (b *bench) await(t *testing.T, f fault.Fault, phases ...string) {
	t.Helper()
	b.awaitNew(t, f, nil, phases...)
}

// awaitNew does so for an incident that is none of those before.
func (b *bench) awaitNew(t *testing.T, f fault.Fault, before map[string]bool, phases ...string) {
	t.Helper()
	var all []unstructured.Unstructured
	is := func(i unstructured.Unstructured) bool {
		cause, _, _ := unstructured.NestedString(i.Object, "status", "diagnosis", "cause")
		phase, _, _ := unstructured.NestedString(i.Object, "status", "phase")
		return !before[i.GetName()] && slices.Contains(f.WantCauses, cause) && slices.Contains(phases, phase)
	}
	if b.Within(t, answersWithin, func() bool {
		list, err := b.Client.Dynamic.Resource(incidents).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		all = list.Items
		return slices.ContainsFunc(all, is)
	}) {
		return
	}
	for _, i := range all {
		unstructured.RemoveNestedField(i.Object, "status", "journal")
		t.Logf("%s: %v", i.GetName(), i.Object["status"])
	}
	b.explain(t)
	t.Fatalf("%s: waited %s for an incident of %v that is %v", f.Name, answersWithin, f.WantCauses, phases)
}

// plans are those of all incidents.
func (b *bench) plans(t *testing.T) (out []any) {
	t.Helper()
	list, err := b.Client.Dynamic.Resource(incidents).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range list.Items {
		if plan, ok, _ := unstructured.NestedFieldNoCopy(i.Object, "status", "plan"); ok {
			out = append(out, plan)
		}
	}
	return out
}

var incidents = schema.GroupVersionResource{Group: "gatemend.dev", Version: "v1alpha1", Resource: "incidents"}

// calm waits until no client gets an error.
func (b *bench) calm(t *testing.T) {
	t.Helper()
	b.Await(t, "all clients to be served", answersWithin, func() bool {
		return !slices.ContainsFunc(b.run.Report(), func(r load.Report) bool {
			return r.LastGood.IsZero() || r.LastGood.Sub(r.LastError) < calmFor
		})
	})
}

// account is as whom the controller acts.
func (b *bench) account() string { return "system:serviceaccount:" + b.namespace + ":gatemend" }

// log is what the API server recorded of the controller.
func (b *bench) log(t *testing.T) []audit.Entry {
	t.Helper()
	data, err := os.ReadFile(b.AuditLog())
	if err != nil {
		t.Fatal(err)
	}
	all, err := audit.Read(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(e audit.Entry) bool { return e.User != b.account() })
}

// wrote lists what the controller has changed of the shop.
func (b *bench) wrote(t *testing.T) []audit.Object {
	t.Helper()
	var out []audit.Object
	for _, e := range b.log(t) {
		own := slices.Contains([]string{"incidents", "events", "leases"}, e.Object.Resource)
		if !e.DryRun && e.Code < 300 && slices.Contains([]string{"create", "update", "patch", "delete"}, e.Verb) && e.Object.Namespace == manifest.Namespace && !own {
			out = append(out, e.Object)
		}
	}
	return out
}

// denied lists what the controller tried without having the right.
func (b *bench) denied(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, e := range b.log(t) {
		if e.Code == 403 {
			out = append(out, fmt.Sprintf("%s %v", e.Verb, e.Object))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// explain shows what the controller's replicas logged.
func (b *bench) explain(t *testing.T) {
	t.Helper()
	pods, err := b.Client.Kube.CoreV1().Pods(b.namespace).List(t.Context(), ownPods)
	if err != nil {
		t.Log(err)
		return
	}
	for _, p := range pods.Items {
		text, err := b.Client.Kube.CoreV1().Pods(b.namespace).GetLogs(p.Name, &corev1.PodLogOptions{}).DoRaw(t.Context())
		t.Logf("%s (%s): %v\n%s", p.Name, p.Status.Phase, err, text)
	}
}
