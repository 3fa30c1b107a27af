package chart_test

import (
	"crypto/tls"
	"crypto/x509"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

func agents(t *testing.T, values map[string]any) string {
	t.Helper()
	values["enabled"] = true
	return render(t, without(map[string]any{"agent": values}))
}

// The agent's pod may read the node's logs, and nothing else that a pod does not.
func TestAgentReadsLogsOnly(t *testing.T) {
	text := agents(t, map[string]any{})
	sets := objects[appsv1.DaemonSet](t, text, "DaemonSet")
	if len(sets) != 1 {
		t.Fatalf("got %d DaemonSets", len(sets))
	}
	pod := sets[0].Spec.Template.Spec
	s := pod.SecurityContext
	if !*s.RunAsNonRoot || *s.RunAsUser == 0 || *s.RunAsGroup != 0 || s.SeccompProfile.Type != "RuntimeDefault" || pod.HostNetwork || pod.HostPID || pod.HostIPC {
		t.Errorf("got %+v", s)
	}
	for _, c := range pod.Containers {
		s := c.SecurityContext
		if *s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem || len(s.Capabilities.Drop) != 1 || s.Capabilities.Drop[0] != "ALL" || s.Privileged != nil {
			t.Errorf("container %s: %+v", c.Name, s)
		}
		for _, m := range c.VolumeMounts {
			v := pod.Volumes[slices.IndexFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == m.Name })]
			if v.HostPath != nil && (!m.ReadOnly || v.HostPath.Path != "/var/log/pods") {
				t.Errorf("it mounts %+v", v.HostPath)
			}
		}
	}
	for right, where := range rights(t, text) {
		if strings.Contains(right, "secrets") {
			t.Errorf("%s in %v", right, where)
		}
	}
}

// The certificates that Helm makes are of one authority, for the name by which agents call the controller.
func TestCertificatesOfHelm(t *testing.T) {
	text := agents(t, map[string]any{})
	secrets := map[string]corev1.Secret{}
	for _, s := range objects[corev1.Secret](t, text, "Secret") {
		secrets[s.Name] = s
	}
	set := objects[appsv1.DaemonSet](t, text, "DaemonSet")[0]
	host := ""
	for _, a := range set.Spec.Template.Spec.Containers[0].Args {
		if rest, ok := strings.CutPrefix(a, "--controller="); ok {
			host = strings.TrimSuffix(strings.ReplaceAll(rest, "$(POD_NAMESPACE)", "gatemend"), ":9443")
		}
	}
	for name, use := range map[string]x509.ExtKeyUsage{"gatemend-agent-controller-tls": x509.ExtKeyUsageServerAuth, "gatemend-agent-agent-tls": x509.ExtKeyUsageClientAuth} {
		data := secrets[name].Data
		pair, err := tls.X509KeyPair(data["tls.crt"], data["tls.key"])
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(data["ca.crt"])
		o := x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{use}}
		if use == x509.ExtKeyUsageServerAuth {
			o.DNSName = host
		}
		if _, err := pair.Leaf.Verify(o); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if o.DNSName = host; use == x509.ExtKeyUsageClientAuth && pair.Leaf.VerifyHostname(host) == nil {
			t.Error("an agent could pretend to be the controller")
		}
	}
}
