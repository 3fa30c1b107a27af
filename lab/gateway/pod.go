package gateway

import (
	"context"
	"fmt"
	"os/signal"
	"strings"
	"syscall"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// RunInPod runs c with the service account of the pod that it is in, until the pod is told to end. publish
// (NAMESPACE/NAME) is the gateway's own Service, whose address is told in the Ingresses' status; without it none is.
func RunInPod(c *Controller, publish string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	config, err := rest.InClusterConfig()
	if err != nil {
		return fmt.Errorf("read the pod's service account: %w", err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make client: %w", err)
	}
	namespace, service, _ := strings.Cut(publish, "/")
	c.Publish = types.NamespacedName{Namespace: namespace, Name: service}
	return c.Run(ctx, client)
}
