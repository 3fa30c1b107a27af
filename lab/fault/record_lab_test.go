//go:build lab

package fault_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/lab/binary"
	"github.com/gatemend/gatemend/lab/cluster"
	"github.com/gatemend/gatemend/lab/fault"
	"github.com/gatemend/gatemend/lab/manifest"
)

// recorded are the kinds that a dump holds; of Secrets and ConfigMaps it holds nothing.
const recorded = "namespaces,nodes,pods,services,endpointslices,deployments,replicasets,ingresses,ingressclasses," +
	"networkpolicies,poddisruptionbudgets,events,gatewayclasses,gateways,httproutes,referencegrants"

// gatewayLog reads what a gateway has logged since a time.
func (l *lab) gatewayLog(ctx context.Context, name string, since metav1.Time) (string, error) {
	pod, container, err := l.gatewayPod(ctx, name)
	if err != nil {
		return "", err
	}
	return l.podLog(ctx, pod, &corev1.PodLogOptions{Container: container, SinceTime: &since})
}

func (l *lab) gatewayPod(ctx context.Context, name string) (corev1.Pod, string, error) {
	gateways := manifest.Gateways()
	g := gateways[slices.IndexFunc(gateways, func(g manifest.Gateway) bool { return g.Name == name })]
	d, err := l.client.Kube.AppsV1().Deployments(g.Namespace).Get(ctx, g.Service, metav1.GetOptions{})
	if err != nil {
		return corev1.Pod{}, "", err
	}
	pods, err := l.client.Pods(ctx, d)
	if err == nil && len(pods) != 1 {
		err = fmt.Errorf("gateway %s has %d pods", name, len(pods))
	}
	if err != nil {
		return corev1.Pod{}, "", err
	}
	return pods[0], g.Container, nil
}

func (l *lab) podLog(ctx context.Context, pod corev1.Pod, o *corev1.PodLogOptions) (string, error) {
	stream, err := l.client.Kube.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, o).Stream(ctx)
	if err != nil {
		return "", err
	}
	defer stream.Close()
	text, err := io.ReadAll(stream)
	return string(text), err
}

// record writes the cluster as it is now to DIR/FAULT/objects.yaml, and the logs of the fault's gateway and of the
// shop's pods to DIR/FAULT/logs/POD_CONTAINER.log and, of the container before, .previous.log.
func (l *lab) record(ctx context.Context, dir string, f fault.Fault, since metav1.Time) error {
	dir = filepath.Join(dir, f.Name)
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(filepath.Join(dir, "logs"), 0o755)); err != nil {
		return err
	}
	pod, container, err := l.gatewayPod(ctx, f.Gateway)
	if err != nil {
		return err
	}
	text, err := l.podLog(ctx, pod, &corev1.PodLogOptions{Container: container, SinceTime: &since})
	if err != nil {
		return err
	}
	if err := save(dir, pod, container, "", text); err != nil {
		return err
	}
	pods, err := l.client.Kube.CoreV1().Pods(manifest.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, pod := range pods.Items {
		for suffix, previous := range map[string]bool{"": false, ".previous": true} {
			container := pod.Spec.Containers[0].Name
			text, err := l.podLog(ctx, pod, &corev1.PodLogOptions{Container: container, Previous: previous})
			if err != nil {
				continue // a container that has not started, or did not start twice, has none
			}
			if err := save(dir, pod, container, suffix, text); err != nil {
				return err
			}
		}
	}
	return l.dump(ctx, filepath.Join(dir, "objects.yaml"))
}

func save(dir string, pod corev1.Pod, container, suffix, text string) error {
	return os.WriteFile(filepath.Join(dir, "logs", pod.Name+"_"+container+suffix+".log"), []byte(text), 0o644)
}

func (l *lab) dump(ctx context.Context, file string) error {
	store, err := binary.Open("", "..", io.Discard)
	if err != nil {
		return err
	}
	programs, err := store.Ensure(ctx, "kubectl")
	if err != nil {
		return err
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer out.Close()
	argv := []string{programs["kubectl"], "get", recorded, "--all-namespaces", "--output=yaml", "--show-managed-fields"}
	return l.cluster.Exec(ctx, argv, cluster.Stdio{Out: out, Err: os.Stderr})
}
