package prom

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/gatemend/gatemend/internal/model"
)

// gatewayPod is an Envoy as Contour deploys it.
func gatewayPod(name string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "projectcontour", Name: name, UID: types.UID(name)},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "envoy", Image: "envoyproxy/envoy:v1.36.4"}}},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning, PodIP: "10.0.0.1"},
	}
}

// Two gateways, one of which hangs: the other's requests are counted all the same, and what cannot be read is
// said. A pod that goes takes its complaint along.
func TestScraper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pods := []*corev1.Pod{gatewayPod("good"), gatewayPod("hung"), gatewayPod("bare")}
		asked := 0
		s := NewScraper(ScrapeOptions{
			Every: time.Second, Now: time.Now, Pods: func() []*corev1.Pod { return pods },
			Get: func(ctx context.Context, p *corev1.Pod, port int32, path string) (io.ReadCloser, error) {
				switch {
				case port != 8002 || path != "/stats/prometheus":
					return nil, errors.New("connection refused")
				case p.Name == "hung":
					<-ctx.Done()
					return nil, ctx.Err()
				case p.Name == "bare":
					return io.NopCloser(strings.NewReader("go_goroutines 3\n")), nil
				}
				asked++
				return io.NopCloser(strings.NewReader(fmt.Sprintf("envoy_server_uptime %d\nenvoy_cluster_upstream_rq{envoy_response_code=\"503\",envoy_cluster_name=\"shop_cart_80\"} %d\n", 100+asked, 10*asked))), nil
			},
		})
		ctx, cancel := context.WithCancel(t.Context())
		out, done := make(chan []model.Count), make(chan error)
		go func() { done <- s.Run(ctx, out) }()
		for range 3 {
			counts := <-out
			if len(counts) != 1 || counts[0].Requests != 10 || counts[0].Gateway.Name != "good" || counts[0].Source != "projectcontour/good:8002/stats/prometheus" {
				t.Fatalf("got %+v", counts)
			}
		}
		unseen := fmt.Sprint(s.Unseen())
		for _, want := range []string{"metrics of projectcontour/hung", "metrics of projectcontour/bare port 8002, /stats/prometheus: no counter"} {
			if !strings.Contains(unseen, want) {
				t.Errorf("%q is not said: %s", want, unseen)
			}
		}
		pods = pods[:1]
		<-out
		<-out
		synctest.Wait()
		if left := s.Unseen(); len(left) > 0 {
			t.Errorf("still said of pods that are gone: %v", left)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// That there are too many gateways is said as long as it is so.
func TestTooManyGateways(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var pods []*corev1.Pod
		for i := range maxGateways + 2 {
			pods = append(pods, gatewayPod(fmt.Sprint("gw-", i)))
		}
		s := NewScraper(ScrapeOptions{
			Every: time.Second, Now: time.Now, Pods: func() []*corev1.Pod { return pods },
			Get: func(context.Context, *corev1.Pod, int32, string) (io.ReadCloser, error) {
				return nil, errors.New("connection refused")
			},
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- s.Run(ctx, nil) }()
		said := func() string {
			synctest.Wait()
			i := slices.IndexFunc(s.Unseen(), func(u model.Unseen) bool { return u.What == "metrics of further gateways" })
			if i < 0 {
				return ""
			}
			return s.Unseen()[i].Why
		}
		if got := said(); !strings.HasPrefix(got, "2 are not read") {
			t.Errorf("said is %q", got)
		}
		pods = pods[:maxGateways]
		time.Sleep(3 * time.Second) // of the test's own clock
		if got := said(); got != "" {
			t.Errorf("said is still %q", got)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestEndpointsOfAnnotations(t *testing.T) {
	p := gatewayPod("a")
	p.Annotations = map[string]string{"prometheus.io/port": "9000", "prometheus.io/path": "/m"}
	if got := endpoints(p, metricsOf(t, "envoy"))[0]; got.Port != 9000 || got.Path != "/m" {
		t.Errorf("got %v", got)
	}
	p.Annotations["prometheus.io/port"] = "99999"
	if got := endpoints(p, metricsOf(t, "envoy"))[0]; got.Port != 8002 {
		t.Errorf("got %v for a port that is none", got)
	}
}
