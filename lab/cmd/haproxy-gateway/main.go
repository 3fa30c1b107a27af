// Command haproxy-gateway is the lab's ingress controller around a real haproxy; see lab/gateway/haproxy.
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

	"github.com/gatemend/gatemend/lab/gateway"
	proxy "github.com/gatemend/gatemend/lab/gateway/haproxy"
)

// binary is where the image has the proxy; folder is where its files go.
const (
	binary = "/usr/sbin/haproxy"
	folder = "/tmp"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "haproxy-gateway:", err)
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
		Class: "haproxy", Settle: time.Second, Publish: types.NamespacedName{Namespace: namespace, Name: service},
		Render:  func(t gateway.Table) string { return proxy.Render(t, proxy.Options{Folder: folder}) },
		Process: proxy.Process(binary, folder, os.Stdout, os.Stderr),
		Info:    func(message string) { say("INFO", message) },
		Warn:    func(message string) { say("WARNING", message) },
	}
	return c.Run(ctx, client)
}

// say writes a line as the original controller does: time, level in eight columns, message.
func say(level, message string) {
	fmt.Fprintf(os.Stderr, "%s %-8s%s\n", time.Now().UTC().Format("2006/01/02 15:04:05"), level, message)
}
