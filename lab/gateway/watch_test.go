package gateway_test

import (
	"context"
	"errors"
	"testing"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/gatemend/gatemend/lab/gateway"
)

func TestWatchAppliesAtFirstAndAfterChanges(t *testing.T) {
	client := fake.NewClientset(ingress("web", "nginx", "web.shop.test", path("/", networkingv1.PathTypePrefix, "web", number(80))))
	ctx, cancel := context.WithCancel(t.Context())
	applied, reported, ended := make(chan int), make(chan error, 1), make(chan error, 1)
	refusal := errors.New("refused")
	go func() {
		ended <- gateway.Watch(ctx, client, 20*time.Millisecond, func(ctx context.Context, o gateway.Objects) error {
			select {
			case applied <- len(o.Ingresses):
			case <-ctx.Done():
			}
			return refusal
		}, func(err error) {
			select {
			case reported <- err:
			default: // one is enough
			}
		})
	}()
	next := func(want int) {
		t.Helper()
		for {
			select {
			case got := <-applied:
				if got == want {
					return
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("never saw %d ingresses", want)
			}
		}
	}
	next(1)
	// The error of the first apply must not have ended the watch.
	for _, name := range []string{"cart", "api"} {
		ing := ingress(name, "nginx", name+".shop.test", path("/", networkingv1.PathTypePrefix, name, number(80)))
		if _, err := client.NetworkingV1().Ingresses("shop").Create(ctx, ing, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	next(3)
	if err := client.NetworkingV1().Ingresses("shop").Delete(ctx, "web", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	next(2)
	if err := <-reported; !errors.Is(err, refusal) {
		t.Errorf("got %v, want the error of apply", err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("got %v after the context ended", err)
	}
}
