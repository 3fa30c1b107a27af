package kube

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// An agent asks for the pods of its own node, and knows none before the API server answers.
func TestFollowNodePods(t *testing.T) {
	asked := make(chan string, 16)
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case asked <- r.URL.Path + " " + r.URL.Query().Get("fieldSelector"):
		default:
		}
		if r.URL.Query().Get("watch") != "" {
			http.Error(w, "no", http.StatusMethodNotAllowed)
			return
		}
		<-release
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"apiVersion":"v1","kind":"PodList","metadata":{"resourceVersion":"1"},"items":[
			{"metadata":{"namespace":"edge","name":"edge-1","managedFields":[{"manager":"m"}]},"spec":{"nodeName":"n1"}}]}`))
	}))
	t.Cleanup(server.Close)
	client, err := kubernetes.NewForConfig(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	pods := FollowNodePods(t.Context(), client, "edge", "n1")
	if got := <-asked; !strings.HasPrefix(got, "/api/v1/namespaces/edge/pods") || !strings.HasSuffix(got, " spec.nodeName=n1") {
		t.Errorf("it asks for %s", got)
	}
	if _, ok := pods.Get("edge", "edge-1"); ok || pods.Known() {
		t.Error("it knows a pod that nobody has told of")
	}
	close(release)
	for range 1000 {
		if pods.Known() {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if pod, ok := pods.Get("edge", "edge-1"); !ok || len(pod.ManagedFields) > 0 {
		t.Errorf("got %v, %v", pod, ok)
	}
	if _, ok := pods.Get("edge", "edge-2"); ok {
		t.Error("there is no such pod")
	}
}
