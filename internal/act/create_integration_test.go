//go:build integration

package act_test

import (
	"errors"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/act"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/testkit/apiserver"
)

func testCreate(t *testing.T, server *apiserver.Server) {
	c, a := server.Kube(t), actor(t, server.Admin)
	old := newService(t, c, "lost")
	data, err := snapshot.JSONOf(old)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.CoreV1().Services(ns).Delete(t.Context(), "lost", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	change := model.Change{Op: model.OpCreate, Target: ref("Service", "lost"), Object: data}
	receipt, err := a.Apply(t.Context(), change)
	if err != nil {
		t.Fatal(err)
	}
	got := getService(t, c, "lost")
	if got.UID == old.UID {
		t.Error("the new object should be another one")
	}
	if got.Spec.ClusterIP != old.Spec.ClusterIP || got.Labels["team"] != "shop" || got.Annotations["example.com/owner"] != "shop" {
		t.Errorf("got %+v, want address %s, labels and annotations of the old one", got, old.Spec.ClusterIP)
	}
	_, err = a.Apply(t.Context(), change)
	if stale, ok := errors.AsType[*act.StaleError](err); !ok || !strings.Contains(stale.Because, "exists again") {
		t.Errorf("a second time: got %v, want a StaleError", err)
	}
	if _, err := a.Apply(t.Context(), *receipt.Undo); err != nil {
		t.Fatalf("undo: %v", err)
	}
	if _, err := c.CoreV1().Services(ns).Get(t.Context(), "lost", metav1.GetOptions{}); err == nil {
		t.Error("the undo left the Service there")
	}
}

func testCreateElsewhere(t *testing.T, server *apiserver.Server) {
	c, a := server.Kube(t), actor(t, server.Admin)
	holder := newService(t, c, "holder")
	lost := holder.DeepCopy()
	lost.Name = "homeless"
	data, err := snapshot.JSONOf(lost)
	if err != nil {
		t.Fatal(err)
	}
	change := model.Change{Op: model.OpCreate, Target: ref("Service", "homeless"), Object: data}
	if _, err := a.Apply(t.Context(), change); err != nil {
		t.Fatal(err)
	}
	if got := getService(t, c, "homeless").Spec.ClusterIP; got == "" || got == holder.Spec.ClusterIP {
		t.Errorf("address %q, want another than %q", got, holder.Spec.ClusterIP)
	}
}

func testDelete(t *testing.T, server *apiserver.Server) {
	c, a := server.Kube(t), actor(t, server.Admin)
	newService(t, c, "kept")
	_, err := a.Apply(t.Context(), model.Change{Op: model.OpDelete, Target: ref("Service", "kept")})
	if err == nil || !strings.Contains(err.Error(), "UID") {
		t.Errorf("without a UID: got %v, want a refusal", err)
	}
	_, err = a.Apply(t.Context(), model.Change{Op: model.OpDelete, Target: ref("Service", "kept"), UID: "another"})
	if _, ok := errors.AsType[*act.StaleError](err); !ok {
		t.Errorf("with another UID: got %v (%T), want a StaleError", err, err)
	}
	getService(t, c, "kept")
}
