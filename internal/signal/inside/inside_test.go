package inside_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/signal/inside"
)

// An API server that takes a connection and says nothing is waited for no longer than the context lasts.
func TestDialEndsWithItsContext(t *testing.T) {
	var lc net.ListenConfig
	mute, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	taken := make(chan net.Conn, 1)
	go func() {
		if conn, err := mute.Accept(); err == nil {
			taken <- conn
		}
	}()
	config := &rest.Config{Host: "http://" + mute.Addr().String()}
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := inside.Pods{Config: config, Kube: kube}.Dial(ctx, model.Ref{Kind: "Pod", Namespace: "shop", Name: "cart"}, 8080)
		ended <- err
	}()
	conn := <-taken
	cancel()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it is waited for")
	}
	if err := errors.Join(conn.Close(), mute.Close()); err != nil {
		t.Error(err)
	}
}
