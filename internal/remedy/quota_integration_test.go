//go:build integration

package remedy

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"

	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/testkit/apiserver"
)

// TestQuotasAsTheAPIServer: what a quota is said to refuse is what a real API server refuses, for pods of many forms and quotas
// for each thing that pods use, once with room for just one of them and once with a little less.
func TestQuotasAsTheAPIServer(t *testing.T) {
	kube := apiserver.Start(t).Kube(t)
	if _, err := kube.SchedulingV1().PriorityClasses().Create(t.Context(), &schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: "batch"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	list := func(cpu, memory string) corev1.ResourceList {
		out := corev1.ResourceList{}
		if cpu != "" {
			out[corev1.ResourceCPU] = resource.MustParse(cpu)
		}
		if memory != "" {
			out[corev1.ResourceMemory] = resource.MustParse(memory)
		}
		return out
	}
	container := func(name string, requests, limits corev1.ResourceList) corev1.Container {
		return corev1.Container{Name: name, Image: "example.com/app", Resources: corev1.ResourceRequirements{Requests: requests, Limits: limits}}
	}
	always, hour := corev1.ContainerRestartPolicyAlways, int64(3600)
	both := container("app", list("100m", "64Mi"), list("200m", "128Mi"))
	sidecar := container("sidecar", list("50m", "32Mi"), list("50m", "32Mi"))
	sidecar.RestartPolicy = &always
	term := func(namespaces []string, selected *metav1.LabelSelector) corev1.PodAffinityTerm {
		apps := &metav1.LabelSelector{MatchLabels: map[string]string{"app": "cart"}}
		return corev1.PodAffinityTerm{LabelSelector: apps, TopologyKey: corev1.LabelHostname, Namespaces: namespaces, NamespaceSelector: selected}
	}
	away := func(t corev1.PodAffinityTerm) *corev1.Affinity {
		return &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{t}}}
	}
	rather := &corev1.Affinity{PodAffinity: &corev1.PodAffinity{PreferredDuringSchedulingIgnoredDuringExecution: []corev1.WeightedPodAffinityTerm{
		{Weight: 1, PodAffinityTerm: term(nil, &metav1.LabelSelector{})},
	}}}
	forms := map[string]corev1.PodSpec{
		"away":      {Affinity: away(term(nil, nil)), Containers: []corev1.Container{both}},
		"away-from": {Affinity: away(term([]string{"other"}, nil)), Containers: []corev1.Container{both}},
		"rather-to": {Affinity: rather, Containers: []corev1.Container{both}},
		"both":      {Containers: []corev1.Container{both}},
		"limits":    {Containers: []corev1.Container{container("app", nil, list("200m", "128Mi"))}},
		"nothing":   {Containers: []corev1.Container{container("app", nil, nil)}},
		"memory":    {Containers: []corev1.Container{container("app", list("", "64Mi"), nil)}},
		"two":       {Containers: []corev1.Container{both, container("other", list("10m", "8Mi"), list("20m", "16Mi"))}},
		"init":      {InitContainers: []corev1.Container{container("first", list("300m", "16Mi"), list("300m", "16Mi"))}, Containers: []corev1.Container{both}},
		"sidecar":   {InitContainers: []corev1.Container{sidecar}, Containers: []corev1.Container{both}},
		"deadline":  {ActiveDeadlineSeconds: &hour, Containers: []corev1.Container{both}},
		"batch":     {PriorityClassName: "batch", Containers: []corev1.Container{both}},
		"ephemeral": {Containers: []corev1.Container{container("app", corev1.ResourceList{corev1.ResourceEphemeralStorage: resource.MustParse("1Gi")}, nil)}},
	}
	scopes := map[string]corev1.ResourceQuotaSpec{
		"all":            {},
		"terminating":    {Scopes: []corev1.ResourceQuotaScope{corev1.ResourceQuotaScopeTerminating}},
		"lasting":        {Scopes: []corev1.ResourceQuotaScope{corev1.ResourceQuotaScopeNotTerminating}},
		"best-effort":    {Scopes: []corev1.ResourceQuotaScope{corev1.ResourceQuotaScopeBestEffort}},
		"no-best-effort": {Scopes: []corev1.ResourceQuotaScope{corev1.ResourceQuotaScopeNotBestEffort}},
		"across":         {Scopes: []corev1.ResourceQuotaScope{corev1.ResourceQuotaScopeCrossNamespacePodAffinity}},
		"class": {ScopeSelector: &corev1.ScopeSelector{MatchExpressions: []corev1.ScopedResourceSelectorRequirement{
			{ScopeName: corev1.ResourceQuotaScopePriorityClass, Operator: corev1.ScopeSelectorOpIn, Values: []string{"batch"}},
		}}},
	}
	counted := map[string][]corev1.ResourceName{
		"all":            {"pods", "count/pods", "cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory", "ephemeral-storage", "requests.ephemeral-storage"},
		"terminating":    {"pods", "requests.memory"},
		"lasting":        {"pods", "requests.memory"},
		"best-effort":    {"pods"},
		"no-best-effort": {"pods", "limits.memory"},
		"across":         {"pods", "memory"},
		"class":          {"pods", "cpu"},
	}
	hard := func(name corev1.ResourceName, roomy bool) resource.Quantity {
		amounts := map[corev1.ResourceName][2]string{"pods": {"0", "1"}, "cpu": {"90m", "350m"}, "memory": {"60Mi", "130Mi"}, "storage": {"500Mi", "2Gi"}}
		for kind, amount := range amounts {
			if strings.HasSuffix(string(name), string(kind)) {
				return resource.MustParse(amount[map[bool]int{true: 1}[roomy]])
			}
		}
		t.Fatalf("how much of %s?", name)
		return resource.Quantity{}
	}
	s := server{t, kube}
	worlds := map[string]*snapshot.Snapshot{} // by namespace
	for _, defaults := range []bool{false, true} {
		for scope, names := range counted {
			for i, name := range names {
				for _, roomy := range []bool{false, true} {
					ns := fmt.Sprintf("q-%s-%d-%v-%v", scope, i, defaults, roomy)
					s.namespace(ns)
					b := snapshot.NewBuilder()
					if defaults {
						s.add(b, s.usual(ns, corev1.LimitRangeItem{Type: corev1.LimitTypeContainer, Default: list("400m", "256Mi"), DefaultRequest: list("30m", "24Mi")}))
					}
					s.add(b, s.quota(ns, scopes[scope], corev1.ResourceList{name: hard(name, roomy)}))
					worlds[ns] = b.Seal(time.Now())
				}
			}
		}
	}
	s.hasHeard()
	asked, refused := 0, 0
	for ns, world := range worlds {
		for form, spec := range forms {
			pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: form}, Spec: spec}
			_, err := kube.CoreV1().Pods(ns).Create(t.Context(), pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
			if err != nil && (!apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "quota")) {
				t.Fatalf("%s in %s: %v", form, ns, err)
			}
			if err != nil && strings.Contains(err.Error(), "must specify") {
				continue // what a webhook may still add to a template is not known, so nothing is said of that
			}
			asked++
			if err != nil {
				refused++
			}
			if why := OverQuota(world, Turnover{Come: []*corev1.Pod{pod}}); (why != "") != (err != nil) {
				t.Errorf("%s in %s: the API server says %v, and we say %q", form, ns, err, why)
			}
		}
	}
	if refused < 100 || asked-refused < 100 {
		t.Errorf("of %d pods %d were refused: one side is hardly tried", asked, refused)
	}
}

// server makes objects in the API server.
type server struct {
	t    *testing.T
	kube kubernetes.Interface
}

func (s server) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s server) add(b *snapshot.Builder, o metav1.Object) {
	s.t.Helper()
	s.must(b.Add(o))
}

func (s server) namespace(name string) {
	s.t.Helper()
	_, err := s.kube.CoreV1().Namespaces().Create(s.t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	s.must(err)
}

// usual makes a LimitRange.
func (s server) usual(ns string, item corev1.LimitRangeItem) *corev1.LimitRange {
	s.t.Helper()
	lr, err := s.kube.CoreV1().LimitRanges(ns).Create(s.t.Context(), &corev1.LimitRange{
		ObjectMeta: metav1.ObjectMeta{Name: "usual"}, Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{item}},
	}, metav1.CreateOptions{})
	s.must(err)
	return lr
}

// quota makes a quota of which nothing is in use, and is the controller that says so in its status.
func (s server) quota(ns string, scope corev1.ResourceQuotaSpec, hard corev1.ResourceList) *corev1.ResourceQuota {
	s.t.Helper()
	scope.Hard = hard
	q, err := s.kube.CoreV1().ResourceQuotas(ns).Create(s.t.Context(), &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "tight"}, Spec: scope}, metav1.CreateOptions{})
	s.must(err)
	q.Status = corev1.ResourceQuotaStatus{Hard: hard, Used: corev1.ResourceList{}}
	for name := range hard {
		q.Status.Used[name] = resource.MustParse("0")
	}
	q, err = s.kube.CoreV1().ResourceQuotas(ns).UpdateStatus(s.t.Context(), q, metav1.UpdateOptions{})
	s.must(err)
	return q
}

// hasHeard waits until admission knows of what was made last, and with it of all that was made before.
func (s server) hasHeard() {
	s.t.Helper()
	const ns = "last"
	s.namespace(ns)
	s.usual(ns, corev1.LimitRangeItem{Type: corev1.LimitTypePod, Max: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1m")}})
	s.quota(ns, corev1.ResourceQuotaSpec{}, corev1.ResourceList{"count/configmaps": resource.MustParse("0")})
	dry := metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p"}, Spec: corev1.PodSpec{Containers: []corev1.Container{{
		Name: "app", Image: "example.com/app", Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1")}},
	}}}}
	s.must(wait.PollUntilContextTimeout(s.t.Context(), 50*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		_, limited := s.kube.CoreV1().Pods(ns).Create(ctx, pod, dry)
		_, full := s.kube.CoreV1().ConfigMaps(ns).Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "c"}}, dry)
		return apierrors.IsForbidden(limited) && apierrors.IsForbidden(full) && strings.Contains(full.Error(), "exceeded quota"), nil
	}))
}
