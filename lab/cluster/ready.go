package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// askWithin bounds a single question about readiness.
const askWithin = 3 * time.Second

// etcdReady asks etcd whether it serves.
func (c *Cluster) etcdReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+etcdAddress+"/readyz", nil)
	if err != nil {
		return fmt.Errorf("ask etcd: %w", err)
	}
	transport := &http.Transport{DialContext: c.DialContext, DisableKeepAlives: true}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return fmt.Errorf("ask etcd: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<10))
		return fmt.Errorf("ask etcd: %s: %s", response.Status, text)
	}
	return nil
}

// apiReady asks the API server whether it is ready.
func (c *Cluster) apiReady(ctx context.Context) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	if _, err := client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx); err != nil {
		return fmt.Errorf("ask kube-apiserver: %w", err)
	}
	return nil
}

// client is a typed client for this package's own questions.
func (c *Cluster) client() (*kubernetes.Clientset, error) {
	config, err := c.RESTConfig()
	if err != nil {
		return nil, err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make client: %w", err)
	}
	return client, nil
}

// containerdReady asks whether a node's containerd serves, images included.
func containerdReady(n Node) func(context.Context) error {
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, askWithin)
		defer cancel()
		conn, err := (&net.Dialer{}).DialContext(ctx, "unix", n.Socket())
		if err != nil {
			return fmt.Errorf("ask containerd: %w", err)
		}
		conn.Close()
		_, err = ctr(ctx, n, "images", "list", "-q")
		return err
	}
}

// WaitReady waits until the API answers, every node is ready, and pods can be
// made in the namespace default. Bound it by ctx.
func (c *Cluster) WaitReady(ctx context.Context) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	if err := c.await(ctx, "kube-apiserver", c.apiReady); err != nil {
		return err
	}
	for _, node := range c.Nodes() {
		err := c.await(ctx, node.component("kubelet"), func(ctx context.Context) error {
			object, err := client.CoreV1().Nodes().Get(ctx, node.Name, metav1.GetOptions{})
			if err != nil {
				return fmt.Errorf("ask for %s: %w", node.Name, err)
			}
			return nodeReady(object)
		})
		if err != nil {
			return err
		}
	}
	return c.await(ctx, "kube-controller-manager", func(ctx context.Context) error {
		// Pods are refused until their ServiceAccount is there.
		_, err := client.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
		return err
	})
}

// nodeReady says what a node still waits for. Its taint goes a little after
// its condition is true; until then no pod is scheduled.
func nodeReady(node *corev1.Node) error {
	for _, taint := range node.Spec.Taints {
		if taint.Key == corev1.TaintNodeNotReady || taint.Key == corev1.TaintNodeUnreachable {
			return fmt.Errorf("%s is tainted %s", node.Name, taint.Key)
		}
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type != corev1.NodeReady {
			continue
		}
		if condition.Status == corev1.ConditionTrue {
			return nil
		}
		return fmt.Errorf("%s: %s", node.Name, condition.Message)
	}
	return errors.New(node.Name + " has not reported yet")
}
