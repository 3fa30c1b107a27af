package manifest

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// GatewayLog is what a gateway's pods have logged since the second of a time.
func (c *Client) GatewayLog(ctx context.Context, g Gateway, since time.Time) (string, error) {
	d, err := c.Kube.AppsV1().Deployments(g.Namespace).Get(ctx, g.Service, metav1.GetOptions{})
	if err != nil {
		return "", fmt.Errorf("get deployment of gateway %s: %w", g.Name, err)
	}
	pods, err := c.Pods(ctx, d)
	if err != nil {
		return "", err
	}
	began := metav1.NewTime(since)
	var all strings.Builder
	for _, pod := range pods {
		err := c.copyLog(ctx, &all, pod, &corev1.PodLogOptions{Container: g.Container, SinceTime: &began})
		if err != nil {
			return "", fmt.Errorf("read log of pod %s/%s: %w", pod.Namespace, pod.Name, err)
		}
	}
	return all.String(), nil
}

func (c *Client) copyLog(ctx context.Context, to io.Writer, pod corev1.Pod, o *corev1.PodLogOptions) error {
	stream, err := c.Kube.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, o).Stream(ctx)
	if err != nil {
		return err
	}
	defer stream.Close()
	_, err = io.Copy(to, stream)
	return err
}
