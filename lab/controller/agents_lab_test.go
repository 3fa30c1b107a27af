//go:build lab

package controller_test

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/gatemend/gatemend/internal/install"
	"github.com/gatemend/gatemend/lab/chart"
)

// agentsHost is the name by which agents call the controller. No DNS runs here, so that it stands in their hosts file, with the
// address of a Service of the test's own.
const agentsHost = "gatemend-agents." + install.Namespace + ".svc"

// handOver is how long it takes at most until a gateway's log is read in another way, with two processors for everything.
const handOver = 45 * time.Second

// waitsForAgents is longer than a controller waits for agents before it opens logs itself.
const waitsForAgents = 8 * time.Second

// agents installs agents: what they read is mended, and not read through the API. One that hangs is done without, and comes back.
func (b *bench) agents(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		if t.Failed() {
			b.explain(t)
		}
	})
	began := time.Now()
	b.installAgents(t)
	heard := func() {
		t.Helper()
		quiet := time.Now() // since when no log has been open
		b.Await(t, "no gateway's log to be read through the API", 3*handOver, func() bool {
			if len(b.openLogs(t, began)) > 0 {
				quiet = time.Now()
			}
			return time.Since(quiet) > waitsForAgents
		})
	}
	heard()
	mend := func(what, name string) {
		before, wrote, at := b.incidents(t), len(b.wrote(t)), time.Now()
		b.awaitNew(t, b.breaks(t, name), before, "Resolved")
		t.Logf("%s: %s mended within %s", what, name, time.Since(at).Round(100*time.Millisecond))
		b.calm(t)
		if now := b.wrote(t); len(now) != wrote+1 {
			t.Errorf("%s: it changed %v", what, now[wrote:])
		}
	}
	mend("by what an agent counts", "wrong-target-port")
	if open := b.openLogs(t, began); len(open) > 0 {
		t.Errorf("logs of %v are read through the API, too", open)
	}
	b.renew(t)
	heard()
	agent := b.agent(t)
	if err := b.Freeze(t.Context(), 1, agent); err != nil {
		t.Fatal(err)
	}
	b.Await(t, "gateways' logs to be read through the API", handOver, func() bool { return len(b.openLogs(t, began)) > 0 })
	mend("while the agent hangs", "wrong-selector")
	if err := b.Thaw(t.Context(), 1, agent); err != nil {
		t.Fatal(err)
	}
	heard()
	mend("with the agent again", "wrong-target-port")
}

// installAgents applies the manifests with agents, fitted to this cluster.
func (b *bench) installAgents(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: install.Namespace, Name: "agents-of-the-lab"},
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{"app.kubernetes.io/name": "gatemend", "app.kubernetes.io/component": "controller"},
			Ports:    []corev1.ServicePort{{Port: 9443, TargetPort: intstr.FromString("agents")}}, PublishNotReadyAddresses: true,
		},
	}
	service, err := b.Client.Kube.CoreV1().Services(install.Namespace).Create(ctx, service, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := install.Manifests(install.Options{Mode: "auto", Namespace: install.Namespace, Image: imageRef, Agent: true, Now: time.Now(), Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects(t, text) {
		if o.GetKind() == "DaemonSet" {
			set := func(value any, fields ...string) {
				if err := unstructured.SetNestedField(o.Object, value, append([]string{"spec", "template", "spec"}, fields...)...); err != nil {
					t.Fatal(err)
				}
			}
			set([]any{map[string]any{"ip": service.Spec.ClusterIP, "hostnames": []any{agentsHost}}}, "hostAliases")
			volumes, _, _ := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "volumes")
			for _, v := range volumes {
				if h, ok := v.(map[string]any)["hostPath"].(map[string]any); ok {
					h["path"] = b.Nodes()[0].PodLogs()
				}
			}
			set(volumes, "volumes")
		}
		if err := b.Client.Apply(ctx, o); err != nil {
			t.Fatal(err)
		}
	}
	b.awaitReplicas(t)
	b.Await(t, "agents", 2*time.Minute, func() bool {
		d, err := b.Client.Kube.AppsV1().DaemonSets(install.Namespace).Get(ctx, "gatemend-agent", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return d.Status.NumberReady > 0 && d.Status.NumberReady == d.Status.DesiredNumberScheduled
	})
}

// renew has the certificates made anew as an upgrade does that comes late enough: the controller, which runs on, shows new ones.
func (b *bench) renew(t *testing.T) {
	t.Helper()
	secrets := b.Client.Kube.CoreV1().Secrets(install.Namespace)
	names := []string{"gatemend-agent-controller-tls", "gatemend-agent-agent-tls"}
	for _, name := range names {
		patch := []byte(`{"metadata":{"annotations":{"gatemend.dev/renew-after":"1"}}}`)
		if _, err := secrets.Patch(t.Context(), name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	text, err := chart.Render(filepath.Join("..", "..", "charts", "gatemend"), chart.Release{
		Name: "gatemend", Namespace: install.Namespace, Values: map[string]any{"agent": map[string]any{"enabled": true}}, Cluster: b.Client.Dynamic,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects(t, text) {
		if o.GetKind() != "Secret" || !slices.Contains(names, o.GetName()) {
			continue
		}
		if err := b.Client.Apply(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	service, err := b.Client.Kube.CoreV1().Services(install.Namespace).Get(t.Context(), "agents-of-the-lab", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	secret, err := secrets.Get(t.Context(), names[0], metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want, _ := pem.Decode(secret.Data["tls.crt"])
	began := time.Now()
	b.Await(t, "the controller to show the new certificate", 4*time.Minute, func() bool {
		return bytes.Equal(b.shown(t, net.JoinHostPort(service.Spec.ClusterIP, "9443")), want.Bytes)
	})
	t.Logf("certificates were renewed: shown %s after their Secret was replaced", time.Since(began).Round(time.Second))
}

// shown is the certificate that a server shows; nil: none.
func (b *bench) shown(t *testing.T, address string) []byte {
	t.Helper()
	conn, err := b.DialContext(t.Context(), "tcp", address)
	if err != nil {
		return nil // the replica that leads may just change
	}
	defer conn.Close()
	var der []byte
	client := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}, VerifyPeerCertificate: func(raw [][]byte, _ [][]*x509.Certificate) error { //nolint:gosec // which one it is, is what is asked
		der = raw[0]
		return nil
	}})
	_ = client.HandshakeContext(t.Context()) // who has no certificate is turned away after that
	return der
}

// agent is the container of an agent.
func (b *bench) agent(t *testing.T) string {
	t.Helper()
	pods, err := b.Client.Kube.CoreV1().Pods(install.Namespace).List(t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/component=agent"})
	if err != nil || len(pods.Items) != 1 {
		t.Fatalf("%d agents: %v", len(pods.Items), err)
	}
	return pods.Items[0].Status.ContainerStatuses[0].ContainerID
}

// openLogs are the pods whose logs the controller follows through the API, of what it began to follow since a time.
func (b *bench) openLogs(t *testing.T, since time.Time) []string {
	t.Helper()
	data, err := os.ReadFile(b.AuditLog())
	if err != nil {
		t.Fatal(err)
	}
	open := map[string]string{} // by the id of the request
	for line := range bytes.Lines(data) {
		var e struct {
			AuditID, Stage, RequestURI string
			User                       struct{ Username string }
			ObjectRef                  struct{ Name string }
			RequestReceivedTimestamp   time.Time
		}
		if !bytes.Contains(line, []byte("follow=true")) || json.Unmarshal(line, &e) != nil {
			continue
		}
		switch {
		case e.User.Username != b.account() || e.RequestReceivedTimestamp.Before(since) || !strings.Contains(e.RequestURI, "/log?"):
		case e.Stage == "ResponseStarted":
			open[e.AuditID] = e.ObjectRef.Name
		default:
			delete(open, e.AuditID)
		}
	}
	var out []string
	for _, pod := range open {
		out = append(out, pod)
	}
	slices.Sort(out)
	return out
}
