package app

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/source/kube"
)

// A node that is dead holds nobody up, and what came before it died is kept.
func TestGatewayLogOfADeadNode(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.URL.Path, "/pods/dead/") {
			fmt.Fprint(w, "2026-05-04T08:30:15.000000001Z first\n")
			_ = http.NewResponseController(w).Flush() // or the client has gone
		}
		if !strings.Contains(r.URL.Path, "/pods/well/") {
			<-r.Context().Done()
		}
	}))
	t.Cleanup(server.Close) // after all parallel tests
	clients, err := kube.Connect(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{clients: clients}
	for pod, want := range map[string]struct {
		lines int
		err   string
	}{
		"dead":  {0, "nothing came for 300ms"},
		"dying": {1, "read log: nothing came for 300ms"},
		"well":  {1, ""},
	} {
		t.Run(pod, func(t *testing.T) {
			t.Parallel()
			l := gatewayLog{pod: model.Ref{Kind: "Pod", Namespace: "edge", Name: pod}, container: "proxy"}
			lines, err := c.readLog(t.Context(), l, time.Time{}, 300*time.Millisecond)
			if len(lines) != want.lines || (err != nil) != (want.err != "") || err != nil && !strings.HasPrefix(err.Error(), want.err) {
				t.Errorf("read %d lines, error %v; want %d, %q", len(lines), err, want.lines, want.err)
			}
		})
	}
}
