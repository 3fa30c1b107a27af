package dataplane

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy/all"
	"github.com/gatemend/gatemend/internal/signal/inside"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// patience is how long one proxy may take to answer; most bytes of an answer are read.
const (
	patience = 10 * time.Second
	mostRead = 64 << 20
)

// errNoWay says that nothing is known about how to ask a proxy.
var errNoWay = errors.New("no way is known to ask this proxy for its endpoints")

// Reader asks the proxies of one cluster.
type Reader struct{ Pods inside.Pods }

// Read asks every gateway of the pods. What cannot be asked is in unseen.
func (r Reader) Read(ctx context.Context, pods []*corev1.Pod) (loaded []model.Loaded, unseen []model.Unseen) {
	for _, p := range pods {
		px, container, ok := all.ForPod(p)
		if !ok || p.Status.Phase != corev1.PodRunning {
			continue
		}
		one, cancel := context.WithTimeout(ctx, patience)
		got, err := r.ask(one, p, px.Name, container)
		cancel()
		ref := snapshot.RefOf(p)
		if err != nil {
			unseen = append(unseen, model.Unseen{What: "endpoints loaded by " + ref.String(), Why: short(err)})
			continue
		}
		for i := range got {
			got[i].Gateway = ref
		}
		loaded = append(loaded, got...)
	}
	return loaded, unseen
}

// short is an error in one line; the runtime's words about a program that is not in an image are long.
func short(err error) string {
	text := strings.ReplaceAll(err.Error(), "\n", " ")
	if strings.Contains(text, "executable file not found") {
		before, _, _ := strings.Cut(text, ":")
		return before + ": it is not in the image"
	}
	return text
}

// ask tries the ways in which a proxy can be asked, and gives the first answer.
func (r Reader) ask(ctx context.Context, p *corev1.Pod, proxy, container string) ([]model.Loaded, error) {
	first := errNoWay
	for i, w := range ways(proxy) {
		got, err := w(ctx, r, p, container)
		if err == nil {
			return got, nil
		}
		if i == 0 {
			first = err // the others are guesses at where it might be instead
		}
	}
	return nil, first
}

// way is one way to ask.
type way func(ctx context.Context, r Reader, p *corev1.Pod, container string) ([]model.Loaded, error)

// ways lists them by proxy, the most telling first. The ports are those at which admin interfaces listen
// inside the pod: Contour's read-only one 9001, Envoy Gateway's 19000, Istio's 15000, Envoy's own example
// 9901; ingress-nginx' status 10246.
func ways(proxy string) []way {
	switch proxy {
	case "envoy":
		var out []way
		for _, port := range []int{9001, 19000, 15000, 9901} {
			out = append(out, page(port, "/clusters?format=json", EnvoyClusters))
		}
		return out
	case "nginx":
		config := func(args ...string) way {
			return command(append([]string{"nginx", "-T"}, args...), func(b []byte) ([]model.Loaded, error) {
				got := NginxConfig(string(b))
				if len(got) == 0 {
					return nil, errors.New("nginx's configuration has no upstream: its endpoints are elsewhere")
				}
				return got, nil
			})
		}
		return []way{page(10246, "/configuration/backends", IngressNginx), config(), config("-c", "/tmp/nginx.conf", "-e", "stderr")}
	case "haproxy":
		parse := func(b []byte) ([]model.Loaded, error) { return HAProxyServers(string(b)) }
		var out []way
		for _, socket := range []string{"/var/run/haproxy-runtime-api.sock", "/var/run/haproxy/admin.sock", "/var/lib/haproxy/run/haproxy.sock"} {
			out = append(out, command([]string{"sh", "-c", "echo 'show servers state' | socat - UNIX-CONNECT:" + socket}, parse))
		}
		return out
	default:
		return nil
	}
}

// page is a GET inside the pod.
func page(port int, path string, parse func([]byte) ([]model.Loaded, error)) way {
	return func(ctx context.Context, r Reader, p *corev1.Pod, _ string) ([]model.Loaded, error) {
		data, err := r.get(ctx, p, port, path)
		if err != nil {
			return nil, fmt.Errorf("ask port %d for %s: %w", port, path, err)
		}
		return parse(data)
	}
}

// command is a program of the container's image, run in it.
func command(argv []string, parse func([]byte) ([]model.Loaded, error)) way {
	return func(ctx context.Context, r Reader, p *corev1.Pod, container string) ([]model.Loaded, error) {
		var out bytes.Buffer
		if err := r.run(ctx, p, container, argv, &out); err != nil {
			return nil, fmt.Errorf("run %s: %w", argv[0], err)
		}
		return parse(out.Bytes())
	}
}
