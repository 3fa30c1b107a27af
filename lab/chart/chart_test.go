package chart_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/gatemend/gatemend/api/v1alpha1"
	"github.com/gatemend/gatemend/internal/testkit"
	"github.com/gatemend/gatemend/lab/chart"
)

const dir = "../../charts/gatemend"

func render(t *testing.T, values map[string]any) string {
	t.Helper()
	text, err := chart.Render(dir, chart.Release{Name: "gatemend", Namespace: "gatemend", Values: values})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// without leaves out what is in files of its own, or is the same in all cases.
func without(values map[string]any) map[string]any {
	values["crds"], values["admission"] = map[string]any{"install": false}, map[string]any{"install": false}
	return values
}

// What 'gatemend install' prints is what the chart gives.
func TestInstallManifests(t *testing.T) {
	for _, mode := range []string{"observe", "propose", "auto"} {
		for _, namespaced := range []bool{false, true} {
			name := mode
			if namespaced {
				name += "-namespaced"
			}
			for _, agent := range []bool{false, true} {
				values := map[string]any{"mode": mode, "namespaced": namespaced}
				if agent {
					name += "-agent"
					values["agent"] = map[string]any{"enabled": true, "tls": existing("gatemend-agent-controller-tls", "gatemend-agent-agent-tls")}
				}
				text := render(t, without(values))
				text = strings.ReplaceAll(text, "app.kubernetes.io/managed-by: Helm", "app.kubernetes.io/managed-by: gatemend-install")
				testkit.Golden(t, "../../config/install/"+name+".yaml", "# Generated from charts/gatemend by 'make generate'; do not edit.\n"+text)
			}
		}
	}
}

// existing are Secrets that somebody else makes.
func existing(controller, agent string) map[string]any {
	return map[string]any{"source": "existing", "secrets": map[string]any{"controller": controller, "agent": agent}}
}

func TestGolden(t *testing.T) {
	testkit.Golden(t, "testdata/everything.golden", render(t, without(map[string]any{
		"mode": "auto", "keepIncidents": "24h", "fullnameOverride": "mender", "replicas": 3,
		"rbac": map[string]any{"mendNamespaces": []any{"shop", "pay"}, "opener": true, "stoppers": []any{
			map[string]any{"kind": "Group", "name": "on-call"}, map[string]any{"kind": "ServiceAccount", "name": "bot", "namespace": "chat"},
		}},
		"image":            map[string]any{"repository": "registry.example.com/gatemend", "digest": "sha256:" + strings.Repeat("0a", 32), "pullPolicy": "Always"},
		"imagePullSecrets": []any{map[string]any{"name": "registry"}}, "serviceAccount": map[string]any{"annotations": map[string]any{"a": "b"}},
		"podAnnotations": map[string]any{"c": "d"}, "podLabels": map[string]any{"e": "f"}, "nodeSelector": map[string]any{"g": "h"},
		"tolerations": []any{map[string]any{"operator": "Exists"}}, "affinity": map[string]any{"nodeAffinity": map[string]any{}}, "priorityClassName": "high",
		"topologySpreadConstraints": []any{map[string]any{"maxSkew": 1, "topologyKey": "k", "whenUnsatisfiable": "DoNotSchedule"}},
		"extraArgs":                 []any{"--v: \"quoted\""}, "podDisruptionBudget": map[string]any{"maxUnavailable": "50%"},
		"networkPolicy":  map[string]any{"metricsFrom": []any{map[string]any{"podSelector": map[string]any{}}}, "egress": []any{map[string]any{"ports": []any{map[string]any{"port": 443}}}}},
		"metrics":        map[string]any{"enabled": true, "tokenSecret": map[string]any{"name": "scrape"}},
		"serviceMonitor": map[string]any{"enabled": true, "labels": map[string]any{"release": "prometheus"}}, "prometheusRule": map[string]any{"enabled": true},
		"dashboard": map[string]any{"enabled": true}, "clusterName": "eu-1", "history": map[string]any{"dsnSecret": map[string]any{"name": "history"}},
		"notifications": map[string]any{"secret": "channels", "buttons": true, "channels": []any{
			map[string]any{"name": "oncall", "pagerduty": map[string]any{"routingKeyFile": "/etc/gatemend/notify/pagerduty"}},
			map[string]any{"name": "shop", "slack": map[string]any{
				"channel": "C1", "tokenFile": "/etc/gatemend/notify/token", "signingSecretFile": "/etc/gatemend/notify/signing",
				"users": map[string]any{"U2": "bob", "U1": "ann", "U3": "ann"},
			}},
		}},
		"data": map[string]any{"claim": "mender-data"}, "traces": "http://collector.monitoring:4318",
		"agent": map[string]any{
			"enabled": true, "logs": "/data/pods", "nodeSelector": map[string]any{"i": "j"}, "tolerations": []any{map[string]any{"operator": "Exists"}},
			"affinity": map[string]any{"nodeAffinity": map[string]any{}}, "priorityClassName": "low", "podAnnotations": map[string]any{"k": "l"},
			"extraArgs": []any{"--format=x"}, "seLinuxOptions": map[string]any{"type": "container_logreader_t"}, "tls": map[string]any{"source": "certManager"},
		},
	})))
	testkit.Golden(t, "testdata/least.golden", render(t, map[string]any{
		"rbac": map[string]any{"create": false}, "serviceAccount": map[string]any{"create": false, "name": "given"},
		"podDisruptionBudget": map[string]any{"enabled": false}, "networkPolicy": map[string]any{"enabled": false},
		"history": map[string]any{"enabled": false},
		"crds":    map[string]any{"install": false}, "admission": map[string]any{"install": false}, "resources": map[string]any{"limits": nil, "requests": nil},
	}))
}

// Metrics in place of logs are a flag of the program.
func TestSignalsFromMetrics(t *testing.T) {
	text := render(t, map[string]any{"signals": map[string]any{"prometheus": "http://prometheus.monitoring:9090"}})
	if !strings.Contains(text, "            - --signals=prometheus=http://prometheus.monitoring:9090\n") {
		t.Error("it is not passed on")
	}
}

func TestLint(t *testing.T) {
	for _, mode := range []string{"observe", "propose", "auto"} {
		result := lint.All(dir, map[string]any{"mode": mode}, "gatemend", true)
		for _, m := range result.Messages {
			if m.Severity > support.InfoSev {
				t.Errorf("%s: %s", mode, m)
			}
		}
	}
}

// A value of the wrong type or a name that nobody reads is an error that says where.
func TestWrongValues(t *testing.T) {
	for _, c := range []struct {
		values map[string]any
		want   string
	}{
		{map[string]any{"mode": "always"}, "mode"},
		{map[string]any{"replicas": "two"}, "replicas"},
		{map[string]any{"replicas": -1}, "replicas"},
		{map[string]any{"keepIncidents": "long"}, "keepIncidents"},
		{map[string]any{"metrics": map[string]any{"enabled": true}}, "metrics.tokenSecret.name"},
		{map[string]any{"serviceMonitor": map[string]any{"enabled": true}}, "metrics.enabled"},
		{map[string]any{"namespaced": "yes"}, "namespaced"},
		{map[string]any{"policies": []any{map[string]any{"name": "all"}}}, "spec"},
		{map[string]any{"image": map[string]any{"repository": "x", "digest": "latest"}}, "digest"},
		{map[string]any{"image": map[string]any{"tga": "1"}}, "tga"},
		{map[string]any{"rbac": map[string]any{"mendNamespaces": []any{"Not_A_Namespace"}}}, "mendNamespaces"},
		{map[string]any{"rbac": map[string]any{"stoppers": []any{"on-call"}}}, "stoppers"},
		{map[string]any{"rbac": map[string]any{"stoppers": []any{map[string]any{"kind": "ServiceAccount", "name": "bot"}}}}, "namespace"},
		{map[string]any{"extraArgs": "--v"}, "extraArgs"},
		{map[string]any{"serviceMonitor": map[string]any{"interval": 15}}, "interval"},
		{map[string]any{"Mode": "auto"}, "Mode"},
		{map[string]any{"serviceAccount": map[string]any{"create": false}}, "serviceAccount.name"},
		{map[string]any{"agent": map[string]any{"enabled": true, "tls": map[string]any{"source": "existing"}}}, "agent.tls.secrets."},
		{map[string]any{"agent": map[string]any{"tls": map[string]any{"source": "vault"}}}, "source"},
		{map[string]any{"agent": map[string]any{"logs": "pods"}}, "logs"},
		{map[string]any{"history": map[string]any{"retention": 90}}, "retention"},
		{map[string]any{"history": map[string]any{"dsn": "postgres://u:p@h/d"}}, "dsn"}, // a secret does not belong into values
		{map[string]any{"clusterName": ""}, "clusterName"},
		{map[string]any{"signals": map[string]any{"prometheus": "prometheus:9090"}}, "prometheus"},
		{map[string]any{"traces": "collector:4318"}, "traces"},
		{map[string]any{"mode": "auto", "signals": map[string]any{"prometheus": "http://prometheus:9090"}}, "signals.prometheus"},
		{map[string]any{"remediation": map[string]any{"actions": []any{"format-disk"}}}, "actions"},
		{map[string]any{"notifications": map[string]any{"channels": []any{map[string]any{"slack": 1}}}}, "name"},
		{map[string]any{"notifications": map[string]any{"buttons": true}}, "slack.users"},
	} {
		_, err := chart.Render(dir, chart.Release{Name: "gatemend", Namespace: "gatemend", Values: c.values})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: got %v", c.values, err)
		}
	}
}

// objects gives all objects of a kind.
func objects[T any](t *testing.T, text string, kinds ...string) []T {
	t.Helper()
	var all []T
	for _, document := range chart.Documents(text) {
		var meta metav1.TypeMeta
		if err := yaml.Unmarshal([]byte(document), &meta); err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		if slices.Contains(kinds, meta.Kind) {
			var object T
			if err := yaml.UnmarshalStrict([]byte(document), &object); err != nil {
				t.Fatalf("%v in\n%s", err, document)
			}
			all = append(all, object)
		}
	}
	return all
}

// rights are "verb group/resource" of all roles, with the namespaces where they hold; "*" is everywhere.
func rights(t *testing.T, text string) map[string][]string {
	t.Helper()
	rules := map[string][]rbacv1.PolicyRule{}
	for _, r := range objects[rbacv1.ClusterRole](t, text, "ClusterRole", "Role") { // a Role has the same fields
		rules[r.Kind+" "+r.Name] = r.Rules
	}
	out := map[string][]string{}
	for _, b := range objects[rbacv1.RoleBinding](t, text, "ClusterRoleBinding", "RoleBinding") {
		bound, ok := rules[b.RoleRef.Kind+" "+b.RoleRef.Name]
		if !ok || len(bound) == 0 || len(b.Subjects) != 1 || b.Subjects[0].Namespace != "gatemend" {
			t.Errorf("binding %s binds %v to %v", b.Name, b.RoleRef, b.Subjects)
		}
		where := b.Namespace
		if b.Kind == "ClusterRoleBinding" {
			where = "*"
		}
		for _, rule := range bound {
			for _, g := range rule.APIGroups {
				for _, r := range rule.Resources {
					for _, v := range rule.Verbs {
						right := fmt.Sprintf("%s %s/%s", v, g, r)
						out[right] = append(out[right], where)
					}
				}
			}
		}
	}
	return out
}

// Only mode auto writes to what is not gatemend's own, only where it is told to, and nothing ever reads Secrets.
func TestRights(t *testing.T) {
	for name, c := range map[string]struct {
		values map[string]any
		patch  []string // where Services may be patched
		opens  bool
	}{
		"observe":                {map[string]any{"mode": "observe"}, nil, false},
		"propose":                {map[string]any{"mode": "propose"}, nil, false},
		"propose does not open":  {map[string]any{"mode": "propose", "rbac": map[string]any{"opener": true}}, nil, false},
		"auto":                   {map[string]any{"mode": "auto"}, []string{"*"}, false},
		"auto, opening":          {map[string]any{"mode": "auto", "rbac": map[string]any{"opener": true}}, []string{"*"}, true},
		"auto, in namespaces":    {map[string]any{"mode": "auto", "rbac": map[string]any{"mendNamespaces": []any{"shop", "pay"}}}, []string{"shop", "pay"}, false},
		"auto, some actions":     {map[string]any{"mode": "auto", "remediation": map[string]any{"actions": []any{"patch-service", "scale"}}}, []string{"*"}, false},
		"auto, other actions":    {map[string]any{"mode": "auto", "remediation": map[string]any{"actions": []any{"patch-networkpolicy"}}, "rbac": map[string]any{"mendNamespaces": []any{"shop"}}}, nil, true},
		"auto, in one namespace": {map[string]any{"mode": "auto", "namespaced": true}, []string{"gatemend"}, false},
		"observe, in one":        {map[string]any{"mode": "observe", "namespaced": true}, nil, false},
	} {
		text := render(t, c.values)
		has := rights(t, text)
		if got := has["patch /services"]; !slices.Equal(got, c.patch) {
			t.Errorf("%s: Services are patched in %v, want %v", name, got, c.patch)
		}
		if opens := len(has["patch networking.k8s.io/networkpolicies"]) > 0; opens != c.opens {
			t.Errorf("%s: NetworkPolicies are opened: %v", name, opens)
		}
		if len(has["list /pods"]) == 0 || len(has["update gatemend.dev/incidents/status"]) == 0 || len(has["update coordination.k8s.io/leases"]) == 0 {
			t.Errorf("%s: what every mode needs is missing", name)
		}
		for right, where := range has {
			if strings.Contains(right, "/secrets") || strings.HasSuffix(right, " /*") || strings.Contains(right, "*/*") {
				t.Errorf("%s: %s in %v", name, right, where)
			}
			if strings.Contains(right, "create gatemend.dev/remediationapprovals") {
				t.Errorf("%s: it could approve its own plans", name)
			}
			if c.values["namespaced"] == true && slices.Contains(where, "*") {
				t.Errorf("%s: %s holds everywhere", name, right)
			}
		}
		if n := len(objects[map[string]any](t, text, "Secret")); n > 0 {
			t.Errorf("%s: %d Secrets are made", name, n)
		}
	}
}

// The pod passes the Pod Security Standard "restricted".
func TestPodIsRestricted(t *testing.T) {
	deployments := objects[appsv1.Deployment](t, render(t, nil), "Deployment")
	if len(deployments) != 1 {
		t.Fatalf("got %d Deployments", len(deployments))
	}
	d := deployments[0]
	pod := d.Spec.Template.Spec
	for key, value := range d.Spec.Selector.MatchLabels {
		if d.Spec.Template.Labels[key] != value {
			t.Errorf("label %s is selected but not set", key)
		}
	}
	s := pod.SecurityContext
	if !*s.RunAsNonRoot || *s.RunAsUser == 0 || s.SeccompProfile.Type != "RuntimeDefault" || pod.HostNetwork || pod.HostPID {
		t.Errorf("got %+v", s)
	}
	for _, c := range pod.Containers {
		s := c.SecurityContext
		if *s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem || len(s.Capabilities.Drop) != 1 || s.Capabilities.Drop[0] != "ALL" {
			t.Errorf("container %s: %+v", c.Name, s)
		}
		if c.Resources.Requests.Cpu().IsZero() || c.Resources.Requests.Memory().IsZero() || c.Resources.Limits.Memory().IsZero() {
			t.Errorf("container %s: %+v", c.Name, c.Resources)
		}
		if c.LivenessProbe == nil || c.ReadinessProbe == nil {
			t.Errorf("container %s has no probes", c.Name)
		}
	}
	if len(pod.TopologySpreadConstraints) != 2 {
		t.Errorf("got %v", pod.TopologySpreadConstraints)
	}
}

// One that sees its own namespace alone is stopped there, and told its policies, as it may not read the cluster's.
func TestOneNamespaceAlone(t *testing.T) {
	values := map[string]any{
		"mode": "auto", "namespaced": true,
		"rbac":     map[string]any{"stoppers": []any{map[string]any{"kind": "Group", "name": "on-call"}}},
		"policies": []any{map[string]any{"name": "wiring", "spec": map[string]any{"rules": []any{map[string]any{"name": "all", "mode": "off"}}}}},
	}
	text, err := chart.Render(dir, chart.Release{Name: "gatemend", Namespace: "shop", Values: values})
	if err != nil {
		t.Fatal(err)
	}
	var stoppers []string
	for _, r := range objects[rbacv1.Role](t, text, "Role") {
		stoppers = append(stoppers, r.Namespace+"/"+r.Name)
	}
	for _, b := range objects[rbacv1.RoleBinding](t, text, "RoleBinding") {
		stoppers = append(stoppers, b.Namespace+"/"+b.Name)
	}
	stoppers = slices.DeleteFunc(stoppers, func(name string) bool { return !strings.HasSuffix(name, "/gatemend-stopper") })
	if !slices.Equal(stoppers, []string{"shop/gatemend-stopper", "shop/gatemend-stopper"}) {
		t.Errorf("the switch's role and binding are %v", stoppers)
	}
	maps := objects[corev1.ConfigMap](t, text, "ConfigMap")
	if len(maps) != 1 {
		t.Fatalf("got %d ConfigMaps", len(maps))
	}
	policies := objects[v1alpha1.RemediationPolicy](t, maps[0].Data["policies.yaml"], "RemediationPolicy")
	if len(policies) != 1 || policies[0].Name != "wiring" || policies[0].Spec.Rules[0].Mode != v1alpha1.ModeOff {
		t.Errorf("got %+v", policies)
	}
	if !strings.Contains(text, "            - --policy=/etc/gatemend/policies/policies.yaml\n") || !strings.Contains(text, "mountPath: /etc/gatemend/policies\n") {
		t.Error("the controller is not told")
	}
}

// CRDs stay when the release goes: with them all incidents would go.
func TestCRDsStay(t *testing.T) {
	type crd struct {
		metav1.TypeMeta   `json:",inline"`
		metav1.ObjectMeta `json:"metadata"`
		Spec              map[string]any `json:"spec"`
	}
	crds := objects[crd](t, render(t, nil), "CustomResourceDefinition")
	if len(crds) < 3 {
		t.Errorf("got %d CRDs", len(crds))
	}
	for _, c := range crds {
		if c.Annotations["helm.sh/resource-policy"] != "keep" || c.Annotations["controller-gen.kubebuilder.io/version"] == "" {
			t.Errorf("%s: %v", c.Name, c.Annotations)
		}
	}
}
