package podlog

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
)

var lb1 = model.Ref{APIVersion: "v1", Kind: "Pod", Namespace: "edge", Name: "lb-1"}

// While somebody else reads a log it is not open, and afterwards it is read from behind the line that was read last there,
// though the API begins at whole seconds.
func TestRests(t *testing.T) {
	c := newCluster(t)
	c.pods = []corev1.Pod{gateway("lb-1")}
	c.write("lb-1", at("15.0", "/0"), at("16.2", "/1"))
	f, _ := start(t, c, Options{})
	receive(t, f)
	receive(t, f)
	if got, want := f.Rest(lb1), moment(t, "2026-05-04T08:30:16.2Z"); !got.Equal(want) {
		t.Errorf("it was read up to %v, want %v", got, want)
	}
	if got := f.Rest(lb1); !got.IsZero() {
		t.Errorf("it rests already, and was read up to %v", got)
	}
	if n := f.Counts().Open; n != 0 {
		t.Errorf("%d logs are open", n)
	}
	c.write("lb-1", at("16.4", "/elsewhere"), at("17.3", "/elsewhere too"), at("17.5", "/2"))
	f.Resume(lb1, moment(t, "2026-05-04T08:30:17.3Z"))
	if got := receive(t, f); got.Request.Path != "/2" {
		t.Errorf("got %s", got.Request.Path)
	}
	if len(f.Unseen()) > 0 || len(f.Pods()) != 1 {
		t.Errorf("unseen %v, pods %v", f.Unseen(), f.Pods())
	}
	// Who read it had not come as far: it goes on where it was left.
	f.Rest(lb1)
	c.write("lb-1", at("18.1", "/3"))
	f.Resume(lb1, moment(t, "2026-05-04T08:30:17.4Z"))
	if got := receive(t, f); got.Request.Path != "/3" {
		t.Errorf("got %s", got.Request.Path)
	}
}

// What a container logged last before it was restarted, while somebody else read its log, is neither lost nor read twice.
func TestRestartedWhileItRests(t *testing.T) {
	c := newCluster(t)
	c.pods = []corev1.Pod{gateway("lb-1")}
	c.write("lb-1", at("15.0", "/0"))
	f, _ := start(t, c, Options{})
	receive(t, f)
	f.Rest(lb1)
	c.restart(true, at("16.2", "/elsewhere"), at("16.4", "/elsewhere too"), at("16.5", "/1"))
	c.write("lb-1", at("20.1", "/2"))
	f.Resume(lb1, moment(t, "2026-05-04T08:30:16.4Z"))
	for _, want := range []string{"/1", "/2"} {
		if got := receive(t, f); got.Request.Path != want {
			t.Errorf("got %s, want %s", got.Request.Path, want)
		}
	}
}

// A log of which somebody else speaks in time is never opened, also that of a pod which is not known yet.
func TestLaterIsInTime(t *testing.T) {
	c := newCluster(t)
	c.write("lb-1", at("15.0", "/0"))
	c.write("lb-2", at("15.0", "/of-lb-2"))
	f, _ := start(t, c, Options{Later: 200 * time.Millisecond})
	f.Rest(lb1)
	for _, name := range []string{"lb-1", "lb-2"} {
		c.event("ADDED", gateway(name))
	}
	if got := receive(t, f); got.Request.Path != "/of-lb-2" {
		t.Errorf("got %s", got.Request.Path)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.opened["lb-1"]); n > 0 {
		t.Errorf("it was opened %d times", n)
	}
}
