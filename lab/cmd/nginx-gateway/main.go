// Command nginx-gateway is the lab's ingress controller around a real nginx; see lab/gateway/nginx.
// It runs in a pod, with the pod's service account. PUBLISH_SERVICE (NAMESPACE/NAME) is the
// gateway's own Service; its address is told in the Ingresses' status.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"github.com/gatemend/gatemend/lab/gateway"
	proxy "github.com/gatemend/gatemend/lab/gateway/nginx"
)

// binary is where the image has the proxy; folder is where its files go.
const (
	binary = "/usr/sbin/nginx"
	folder = "/tmp"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "nginx-gateway:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	config, err := rest.InClusterConfig()
	if err != nil {
		return fmt.Errorf("read the pod's service account: %w", err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make client: %w", err)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	namespace, service, _ := strings.Cut(os.Getenv("PUBLISH_SERVICE"), "/") // none: no address is published
	c := &gateway.Controller{
		Class: "nginx", Settle: 300 * time.Millisecond, Publish: types.NamespacedName{Namespace: namespace, Name: service},
		Render:  func(t gateway.Table) string { return proxy.Render(t, proxy.Options{Folder: folder}) },
		Process: proxy.Process(binary, folder, os.Stdout, os.Stderr),
		Info:    func(message string) { klog.InfoDepth(1, message) },
		Warn:    func(message string) { klog.WarningDepth(1, message) },
	}
	return c.Run(ctx, client)
}
