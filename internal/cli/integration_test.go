//go:build integration

package cli_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/gatemend/gatemend/internal/app"
	"github.com/gatemend/gatemend/internal/cli"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/testkit/apiserver"
)

// The same fault is judged by what one may see: an Ingress whose Service does not exist is a finding for
// somebody who may list Services, and something unknown for somebody who may not. It is healthy for nobody.
func TestRightsDecideWhatIsKnown(t *testing.T) {
	api := apiserver.Start(t)
	client := api.Kube(t)
	if _, err := client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	class := &networkingv1.IngressClass{ObjectMeta: metav1.ObjectMeta{Name: "nginx"}, Spec: networkingv1.IngressClassSpec{Controller: "k8s.io/ingress-nginx"}}
	if _, err := client.NetworkingV1().IngressClasses().Create(t.Context(), class, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.NetworkingV1().Ingresses("shop").Create(t.Context(), ingress(), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	view := []rbacv1.PolicyRule{{APIGroups: []string{"networking.k8s.io"}, Resources: []string{"ingresses", "networkpolicies"}, Verbs: []string{"get", "list", "watch"}}}
	api.Allow(t, "viewer", "shop", view...)

	admin := kubeconfig(t, api.Admin)
	exit, out, errOut := run(t, "diagnose", "--kubeconfig", admin, "-o", "json")
	var d model.Diagnosis
	if err := json.Unmarshal([]byte(out), &d); err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, errOut)
	}
	if exit != cli.ExitWrong || len(d.Causes) == 0 || d.Causes[0].ID != "service-missing" {
		t.Errorf("admin: exit %d, causes %+v, want service-missing\n%s", exit, d.Causes, errOut)
	}

	viewer := kubeconfig(t, api.User(t, "viewer"))
	exit, out, errOut = run(t, "diagnose", "--kubeconfig", viewer, "-n", "shop")
	if exit != cli.ExitCouldNot || !strings.Contains(out, "Could not look at") || strings.Contains(out, "service-missing") || strings.Contains(out, "✓ Name") ||
		!strings.Contains(out, "IngressClass nginx ?") || !strings.Contains(errOut, "ClusterRole gatemend-reader") {
		t.Errorf("viewer: exit %d, want 3 and what could not be looked at\n%s\n%s", exit, out, errOut)
	}

	exit, out, errOut = run(t, "fix", "--plan", "--kubeconfig", viewer, "-n", "shop")
	if exit != cli.ExitCouldNot || !strings.Contains(errOut, "no plan: no cause was found") || !strings.Contains(errOut, "ClusterRole gatemend-reader") {
		t.Errorf("viewer: exit %d, want 3 and what to ask for\n%s\n%s", exit, out, errOut)
	}

	stranger := kubeconfig(t, api.User(t, "stranger"))
	exit, out, errOut = run(t, "diagnose", "--kubeconfig", stranger, "-n", "shop")
	if exit != cli.ExitCouldNot || out != "" || !strings.Contains(errOut, "ClusterRole") {
		t.Errorf("stranger: exit %d, want 3 and what to ask for\n%s\n%s", exit, out, errOut)
	}

	// A dump of the same cluster gives the same answer.
	dir := filepath.Join(t.TempDir(), "dump")
	if exit, out, errOut = run(t, "dump", dir, "--kubeconfig", admin); exit != cli.ExitOK {
		t.Fatalf("dump: exit %d\n%s\n%s", exit, out, errOut)
	}
	if exit, out, errOut = run(t, "diagnose", "--from", dir); exit != cli.ExitWrong || !strings.Contains(out, "service-missing") {
		t.Errorf("from the dump: exit %d\n%s\n%s", exit, out, errOut)
	}
}

func ingress() *networkingv1.Ingress {
	class, prefix := "nginx", networkingv1.PathTypePrefix
	return &networkingv1.Ingress{
		ObjectMeta: metav1.ObjectMeta{Name: "shop"},
		Spec: networkingv1.IngressSpec{
			IngressClassName: &class,
			Rules: []networkingv1.IngressRule{{
				Host: "shop.example.com",
				IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{Paths: []networkingv1.HTTPIngressPath{{
					Path: "/", PathType: &prefix,
					Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "cart", Port: networkingv1.ServiceBackendPort{Number: 80}}},
				}}}},
			}},
		},
	}
}

// run is the whole program with its streams.
func run(t *testing.T, args ...string) (exit cli.Exit, stdout, stderr string) {
	t.Helper()
	var out, errOut bytes.Buffer
	app.Quiet()
	env := app.Env("gatemend", os.Stdin, &out, &errOut, func(string) string { return "" })
	exit = cli.Main(t.Context(), env, args)
	return exit, out.String(), errOut.String()
}

// kubeconfig writes a configuration to a file.
func kubeconfig(t *testing.T, c *rest.Config) string {
	t.Helper()
	config := clientcmdapi.NewConfig()
	config.Clusters["test"] = &clientcmdapi.Cluster{Server: c.Host, CertificateAuthorityData: c.CAData, TLSServerName: c.ServerName}
	config.AuthInfos["test"] = &clientcmdapi.AuthInfo{ClientCertificateData: c.CertData, ClientKeyData: c.KeyData, Token: c.BearerToken}
	config.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: "test"}
	config.CurrentContext = "test"
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, file); err != nil {
		t.Fatal(err)
	}
	return file
}
