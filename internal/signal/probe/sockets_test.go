package probe

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/signal/inside"
)

// Where a command may not be run in a pod's container, its sockets are looked at from one that joins it, if that is asked for.
func TestGuestLooksAtSockets(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	defer server.Close()
	config := &rest.Config{Host: server.URL}
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	to := model.ProbePort{Ref: model.Ref{APIVersion: "v1", Kind: "Pod", Namespace: "shop", Name: "cart"}, Port: 8080, Container: "cart"}
	for _, tt := range []struct {
		name  string
		guest Guest
		want  []string
		fails string
	}{
		{"it tells loopback from not listening", func(_ context.Context, _ model.Ref, _ []string) ([]byte, error) { return []byte(table), nil }, []string{"[::]:9090", "127.0.0.1:8080", "0.0.0.0:80"}, ""},
		{"it is refused", func(context.Context, model.Ref, []string) ([]byte, error) {
			return nil, errors.New("violates PodSecurity")
		}, nil, "violates PodSecurity"},
		{"nobody asked for one", nil, nil, "--probe-container"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := New(inside.Pods{Config: config, Kube: kube}, time.Now, tt.guest)
			pr, err := p.sockets(t.Context(), to)
			if (err == nil) != (tt.fails == "") || err != nil && !strings.Contains(err.Error(), tt.fails) {
				t.Fatalf("%v, want something about %q", err, tt.fails)
			}
			for _, want := range tt.want {
				if !slices.Contains(pr.Listens, want) {
					t.Errorf("it listens on %v, want %s too", pr.Listens, want)
				}
			}
		})
	}
}
