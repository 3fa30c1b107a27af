//go:build lab && linux

package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"

	"github.com/gatemend/gatemend/lab/cluster/netns"
	"github.com/gatemend/gatemend/lab/cluster/process"
	"github.com/gatemend/gatemend/lab/image"
)

// upInChild, in the environment, makes this test program a `lab up` that can
// be killed: its value is the cluster's name.
const upInChild = "GATEMEND_LAB_TEST_UP"

func TestMain(m *testing.M) {
	if name := os.Getenv(upInChild); name != "" {
		if _, err := Up(context.Background(), Options{Name: name, Log: os.Stderr}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// within is a context that ends before the test runner's patience does.
func within(t *testing.T, limit time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	return ctx
}

// fresh makes sure that no cluster of the name is there, now and afterwards.
func fresh(t *testing.T, name string) {
	t.Helper()
	if err := Check(); err != nil {
		t.Fatal(err)
	}
	remove := func() {
		if err := Down(context.Background(), name, nil); err != nil && !errors.Is(err, ErrNotFound) {
			t.Errorf("clean up: %v", err)
		}
	}
	remove()
	t.Cleanup(remove)
}

// logWriter sends progress to the test's log.
type logWriter struct{ t *testing.T }

func (w logWriter) Write(data []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(data)))
	return len(data), nil
}

func TestTwoNodesServe(t *testing.T) {
	const name = "e2e-nodes"
	fresh(t, name)
	// The first run compiles everything.
	ctx := within(t, 25*time.Minute)
	c, err := Up(ctx, Options{Name: name, Nodes: 2, Images: []string{"shop"}, Log: logWriter{t}})
	if err != nil {
		t.Fatal(err)
	}
	config, err := c.RESTConfig()
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range c.Nodes() {
		pod := runShop(ctx, t, client, node)
		if got, err := get(ctx, c, pod.Status.PodIP+":8080"); err != nil || got != http.StatusOK {
			t.Errorf("shop on %s answers %d, %v", node.Name, got, err)
		}
		// It says on what it listens as it starts; the kubelet serves that.
		log, err := client.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{}).DoRaw(ctx)
		if err != nil || len(log) == 0 {
			t.Errorf("log of shop on %s: %q, %v", node.Name, log, err)
		}
	}
	serviceAnswers(ctx, t, c, client)
	programsRunInside(ctx, t, c)
	upKeepsAndMends(ctx, t, c)
	takeDown(t, c)
}

// runShop runs the shop on one node and waits until it is ready.
func runShop(ctx context.Context, t *testing.T, client kubernetes.Interface, node Node) *corev1.Pod {
	t.Helper()
	pods := client.CoreV1().Pods(metav1.NamespaceDefault)
	pod, err := pods.Create(ctx, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "shop-" + node.Name, Labels: map[string]string{"app": "shop"}},
		Spec: corev1.PodSpec{
			NodeName: node.Name,
			Containers: []corev1.Container{{
				Name: "shop", Image: image.Ref("shop"), ImagePullPolicy: corev1.PullNever,
				ReadinessProbe: &corev1.Probe{
					ProbeHandler:  corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(8080)}},
					PeriodSeconds: 1,
				},
			}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	eventually(ctx, t, "pod on "+node.Name+" ready", func() error {
		if pod, err = pods.Get(ctx, pod.Name, metav1.GetOptions{}); err != nil {
			return err
		}
		for _, condition := range pod.Status.Conditions {
			if condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue {
				return nil
			}
		}
		return fmt.Errorf("pod %s: %+v", pod.Name, pod.Status)
	})
	return pod
}

// serviceAnswers asks a Service from both nodes, so that both kube-proxies
// and the way between the nodes are needed.
func serviceAnswers(ctx context.Context, t *testing.T, c *Cluster, client kubernetes.Interface) {
	t.Helper()
	service, err := client.CoreV1().Services(metav1.NamespaceDefault).Create(ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "shop"},
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{"app": "shop"},
			Ports:    []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(8080)}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	address := service.Spec.ClusterIP + ":80"
	eventually(ctx, t, "service answers", func() error {
		_, err := get(ctx, c, address)
		return err
	})
	for _, node := range c.Nodes() {
		path := netns.Path(node.Namespace)
		eventually(ctx, t, "service answers on "+node.Name, func() error { // each node's rules are written by its own kube-proxy
			conn, err := netns.Dial(ctx, path, "tcp", address)
			if err == nil {
				conn.Close()
			}
			return err
		})
		// Enough that both pods are drawn: all on one of two has odds of one
		// in half a million.
		for range 20 {
			conn, err := netns.Dial(ctx, path, "tcp", address)
			if err != nil {
				t.Fatalf("service from %s: %v", node.Name, err)
			}
			conn.Close()
		}
	}
}

// programsRunInside runs programs of the host in the cluster.
func programsRunInside(ctx context.Context, t *testing.T, c *Cluster) {
	t.Helper()
	var out bytes.Buffer
	if err := c.Exec(ctx, []string{"sh", "-c", "echo $KUBECONFIG; readlink /proc/self/ns/net"}, Stdio{Out: &out}); err != nil {
		t.Fatal(err)
	}
	id, err := netns.ID(c.Namespace())
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("%s\nnet:[%d]\n", c.Kubeconfig(), id); out.String() != want {
		t.Errorf("inside: %q, want %q", out.String(), want)
	}
	err = c.Exec(ctx, []string{"sh", "-c", "exit 7"}, Stdio{})
	var ended *exec.ExitError
	if !errors.As(err, &ended) || ended.ExitCode() != 7 {
		t.Errorf("a program that ends with 7 gives %v", err)
	}
}

// upKeepsAndMends calls Up on a running cluster, whole and damaged.
func upKeepsAndMends(ctx context.Context, t *testing.T, c *Cluster) {
	t.Helper()
	before := pids(ctx, c)
	victim, err := process.Read(c.layout.record("kube-scheduler"))
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Stop(time.Second); err != nil {
		t.Fatal(err)
	}
	again, err := Up(ctx, Options{Name: c.Name(), Log: logWriter{t}})
	if err != nil {
		t.Fatal(err)
	}
	if len(again.Nodes()) != 2 {
		t.Errorf("up without a number of nodes left %d of 2", len(again.Nodes()))
	}
	after := pids(ctx, again)
	for name, pid := range before {
		switch changed := after[name] != pid; {
		case name == "kube-scheduler" && (!changed || after[name] == 0):
			t.Errorf("the scheduler was killed and not started again")
		case name != "kube-scheduler" && changed:
			t.Errorf("%s was restarted", name)
		}
	}
}

// pids maps the running components to their process ids.
func pids(ctx context.Context, c *Cluster) map[string]int {
	running := map[string]int{}
	for _, component := range c.Status(ctx).Components {
		if component.Running {
			running[component.Name] = component.PID
		}
	}
	return running
}

// get asks an address inside the cluster and returns the status.
func get(ctx context.Context, c *Cluster, address string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/", nil)
	if err != nil {
		return 0, err
	}
	transport := &http.Transport{DialContext: c.DialContext, DisableKeepAlives: true}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

// eventually asks until there is no complaint, for at most a minute.
func eventually(ctx context.Context, t *testing.T, what string, ask func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		err := ask()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: %v", what, err)
		case <-time.After(pollEvery):
		}
	}
}
