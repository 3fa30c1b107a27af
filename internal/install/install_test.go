package install_test

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/gatemend/gatemend/internal/install"
)

func objects(t *testing.T, text string) []unstructured.Unstructured {
	t.Helper()
	var all []unstructured.Unstructured
	for document := range strings.SplitSeq(text, "\n---\n") {
		var u unstructured.Unstructured
		if err := yaml.Unmarshal([]byte(document), &u.Object); err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		if u.GetKind() == "" || u.GetName() == "" {
			t.Errorf("this is no object:\n%s", document)
		}
		all = append(all, u)
	}
	return all
}

// Whatever is asked for, all that has a namespace is in the one that was named, and nothing is there twice.
func TestManifests(t *testing.T) {
	for _, mode := range install.Modes() {
		for _, namespaced := range []bool{false, true} {
			text, err := install.Manifests(install.Options{Mode: mode, Namespaced: namespaced, Namespace: "mending", Image: "registry.example.com:5000/g@sha256:0a"})
			if err != nil {
				t.Fatal(err)
			}
			seen := map[string]bool{}
			var kinds []string
			for _, o := range objects(t, text) {
				id := o.GetKind() + " " + o.GetName()
				if seen[id] {
					t.Errorf("%s is there twice", id)
				}
				seen[id] = true
				kinds = append(kinds, o.GetKind())
				if ns := o.GetNamespace(); ns != "" && ns != "mending" {
					t.Errorf("%s is in namespace %s", id, ns)
				}
				subjects, _, _ := unstructured.NestedSlice(o.Object, "subjects")
				for _, s := range subjects {
					if ns := s.(map[string]any)["namespace"]; ns != "mending" {
						t.Errorf("%s binds a subject in %v", id, ns)
					}
				}
				if o.GetKind() == "Deployment" {
					containers, _, _ := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "containers")
					c := containers[0].(map[string]any)
					if c["image"] != "registry.example.com:5000/g@sha256:0a" || !slices.Contains(c["args"].([]any), any("--mode="+mode)) {
						t.Errorf("got %v", c)
					}
				}
			}
			for _, kind := range []string{"Namespace", "CustomResourceDefinition", "ValidatingAdmissionPolicyBinding", "ServiceAccount", "Deployment", "NetworkPolicy", "PodDisruptionBudget"} {
				if !slices.Contains(kinds, kind) {
					t.Errorf("%s, namespaced %v: there is no %s", mode, namespaced, kind)
				}
			}
			if kinds[0] != "Namespace" || slices.Contains(kinds, "ClusterRole") == namespaced {
				t.Errorf("%s, namespaced %v: got %v", mode, namespaced, kinds)
			}
		}
	}
}

func TestWrongOptions(t *testing.T) {
	for _, o := range []install.Options{
		{Mode: "always", Namespace: "a"}, {Namespace: "a"}, {Mode: "auto"}, {Mode: "auto", Namespace: "a b"}, {Mode: "auto", Namespace: "a\nkind: Secret"},
		{Mode: "auto", Namespace: "a", Image: "x\ny"}, {Mode: "auto", Namespace: "a", Image: "x #"}, {Mode: "../auto", Namespace: "a"},
	} {
		if text, err := install.Manifests(o); err == nil {
			t.Errorf("%+v gave\n%.100s", o, text)
		}
	}
}

// Agents come with certificates of one authority, each for its side alone, and new ones each time.
func TestAgents(t *testing.T) {
	now := time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)
	print := func(namespaced bool) string {
		t.Helper()
		text, err := install.Manifests(install.Options{
			Mode: "auto", Namespaced: namespaced, Namespace: "mending", Image: "registry.example.com/g:1", Agent: true, Now: now, Random: rand.Reader,
		})
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	if first, second := print(false), print(false); first == second {
		t.Error("two clusters have the same keys")
	}
	for _, namespaced := range []bool{false, true} {
		data := map[string]map[string][]byte{}
		var daemonSet *unstructured.Unstructured
		for _, o := range objects(t, print(namespaced)) {
			if ns := o.GetNamespace(); ns != "" && ns != "mending" {
				t.Errorf("%s is in namespace %s", o.GetName(), ns)
			}
			switch o.GetKind() {
			case "Namespace":
				if got := o.GetLabels()["pod-security.kubernetes.io/enforce"]; got != "privileged" {
					t.Errorf("agents could not run in a namespace that is %s", got)
				}
			case "DaemonSet":
				daemonSet = &o
			case "Secret":
				values, _, _ := unstructured.NestedStringMap(o.Object, "data")
				data[o.GetName()] = map[string][]byte{}
				for k, v := range values {
					b, err := base64.StdEncoding.DecodeString(v)
					if err != nil {
						t.Fatal(err)
					}
					data[o.GetName()][k] = b
				}
			}
		}
		if daemonSet == nil || len(data) != 2 {
			t.Fatalf("namespaced %v: got %v and %d Secrets", namespaced, daemonSet, len(data))
		}
		for name, v := range map[string]x509.VerifyOptions{
			"gatemend-agent-controller-tls": {DNSName: "gatemend-agents.mending.svc", KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}},
			"gatemend-agent-agent-tls":      {KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}},
		} {
			pair, err := tls.X509KeyPair(data[name]["tls.crt"], data[name]["tls.key"])
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			v.Roots, v.CurrentTime = x509.NewCertPool(), now.AddDate(0, 11, 0)
			v.Roots.AppendCertsFromPEM(data["gatemend-agent-agent-tls"]["ca.crt"])
			if _, err := pair.Leaf.Verify(v); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			for _, other := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
				if other != v.KeyUsages[0] && slices.Contains(pair.Leaf.ExtKeyUsage, other) {
					t.Errorf("%s may be used by the other side, too", name)
				}
			}
		}
	}
}
