package chart_test

import (
	"crypto/tls"
	"crypto/x509"
	"maps"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic/fake"

	"github.com/gatemend/gatemend/lab/chart"
)

const (
	controllerTLS, agentTLS = "gatemend-agent-controller-tls", "gatemend-agent-agent-tls"
	renewAfter              = "gatemend.dev/renew-after"
)

// An upgrade keeps the certificates that Helm made until two thirds of their time are over. The one after that makes new
// ones, and trusts the former authority until the next: agents that have the former certificates are heard meanwhile.
func TestUpgradeKeepsOrRenewsCertificates(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	cluster := fake.NewSimpleDynamicClient(scheme)
	store := cluster.Resource(corev1.SchemeGroupVersion.WithResource("secrets")).Namespace("gatemend")
	// upgrade renders the chart in that cluster, and puts the Secrets there with another time of renewal.
	upgrade := func(renew time.Time) map[string]corev1.Secret {
		t.Helper()
		text, err := chart.Render(dir, chart.Release{
			Name: "gatemend", Namespace: "gatemend", Values: without(map[string]any{"agent": map[string]any{"enabled": true}}), Cluster: cluster,
		})
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]corev1.Secret{}
		for _, s := range objects[corev1.Secret](t, text, "Secret") {
			out[s.Name] = s
			kept := s.DeepCopy()
			kept.APIVersion, kept.Kind = "v1", "Secret"
			kept.Annotations = maps.Clone(s.Annotations)
			kept.Annotations[renewAfter] = strconv.FormatInt(renew.Unix(), 10)
			o, err := runtime.DefaultUnstructuredConverter.ToUnstructured(kept)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := store.Update(t.Context(), &unstructured.Unstructured{Object: o}, metav1.UpdateOptions{}); err != nil {
				_, err = store.Create(t.Context(), &unstructured.Unstructured{Object: o}, metav1.CreateOptions{})
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		if len(out) != 2 {
			t.Fatalf("got %d Secrets", len(out))
		}
		return out
	}
	trusts := func(who, whom corev1.Secret) bool {
		t.Helper()
		pair, err := tls.X509KeyPair(whom.Data["tls.crt"], whom.Data["tls.key"])
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(who.Data["ca.crt"])
		_, err = pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
		return err == nil
	}

	now := time.Now()
	first := upgrade(now.Add(time.Hour))
	if seconds, err := strconv.ParseInt(first[agentTLS].Annotations[renewAfter], 10, 64); err != nil || time.Unix(seconds, 0).Before(now.Add(30*24*time.Hour)) {
		t.Errorf("they are renewed after %q: %v", first[agentTLS].Annotations[renewAfter], err)
	}
	kept := upgrade(now.Add(-time.Hour))
	for _, name := range []string{controllerTLS, agentTLS} {
		if d := cmp.Diff(first[name].Data, kept[name].Data); d != "" {
			t.Errorf("%s was not kept (-was +is)\n%s", name, d)
		}
	}
	second := upgrade(now.Add(-time.Hour))
	third := upgrade(now.Add(time.Hour))
	for _, c := range []struct {
		name      string
		who, whom corev1.Secret
		want      bool
	}{
		{"the first controller its agents", first[controllerTLS], first[agentTLS], true},
		{"the second controller its agents", second[controllerTLS], second[agentTLS], true},
		{"agents the second controller", second[agentTLS], second[controllerTLS], true},
		{"the second controller former agents", second[controllerTLS], first[agentTLS], true},
		{"the second agents the former controller", second[agentTLS], first[controllerTLS], true},
		{"the first controller later agents", first[controllerTLS], second[agentTLS], false},
		{"the third controller former agents", third[controllerTLS], second[agentTLS], true},
		{"the third controller the first agents", third[controllerTLS], first[agentTLS], false},
	} {
		if got := trusts(c.who, c.whom); got != c.want {
			t.Errorf("%s: trusted %v", c.name, got)
		}
	}
}
