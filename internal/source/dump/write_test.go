package dump

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func sample(t *testing.T) *snapshot.Snapshot {
	t.Helper()
	b := snapshot.NewBuilder()
	for _, o := range []metav1.Object{
		&corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "cart"}, Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "cart"}}},
		&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "cart-1"}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Env: []corev1.EnvVar{{Name: "DB_PASSWORD", Value: "hunter2"}}}}}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "hidden-credentials"}},
	} {
		if err := b.Add(o); err != nil {
			t.Fatal(err)
		}
	}
	b.Cover(snapshot.Services, snapshot.Complete, "", "")
	b.Cover(snapshot.Pods, snapshot.Partial, "shop", "only one namespace")
	b.Cover(snapshot.Nodes, snapshot.Denied, "", "nodes is forbidden")
	b.Cover(snapshot.HTTPRoutes, snapshot.NotServed, "", "")
	b.Cover(snapshot.Secrets, snapshot.Complete, "", "")
	b.Note("events", "too old")
	return b.Seal(time.Date(2026, 4, 18, 6, 8, 0, 0, time.UTC))
}

func TestWriteAndReadAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dump")
	s := sample(t)
	logs := []model.LogExcerpt{
		{Pod: model.Ref{Namespace: "shop", Name: "cart-1"}, Container: "app", Lines: []string{"listening", "token=hunter2"}},
		{Pod: model.Ref{Namespace: "shop", Name: "cart-1"}, Container: "app", Previous: true, Lines: []string{"panic"}},
		{Pod: model.Ref{Namespace: "other", Name: "cart-1"}, Container: "app", Lines: []string{"twin"}},
	}
	if err := Write(dir, s, WriteOptions{Logs: logs}); err != nil {
		t.Fatal(err)
	}
	var files []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		files = append(files, rel)
		data, err := os.ReadFile(path)
		if strings.Contains(string(data), "hunter2") || strings.Contains(string(data), "hidden-credentials") {
			t.Errorf("%s holds a secret:\n%s", rel, data)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"dump.yaml", "logs/cart-1_app.log", "logs/cart-1_app.previous.log", "logs/other/cart-1_app.log", "pod.yaml", "service.yaml"}
	if diff := cmp.Diff(want, files); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}

	again, err := Read(dir, ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !again.At().Equal(s.At()) {
		t.Errorf("at %v, want %v", again.At(), s.At())
	}
	if diff := cmp.Diff(s.Notes(), again.Notes()); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	for _, k := range snapshot.Kinds() {
		if k == snapshot.Secrets {
			continue
		}
		c, why := s.Coverage(k)
		if gotC, gotWhy := again.Coverage(k); gotC != c || gotWhy != why || again.Scope(k) != s.Scope(k) {
			t.Errorf("coverage of %s is %q (%s) in %q, want %q (%s) in %q", k, gotC, gotWhy, again.Scope(k), c, why, s.Scope(k))
		}
	}
	if c, _ := again.Coverage(snapshot.Secrets); c != snapshot.NotRead || again.Secrets().Len() != 0 {
		t.Errorf("Secrets: coverage %q, %d objects; a dump must not know of them", c, again.Secrets().Len())
	}
	if svc, p := again.Services().Get("shop", "cart"); p != snapshot.Present || svc.Spec.Selector["app"] != "cart" {
		t.Errorf("Service shop/cart is %v, %+v", p, svc)
	}
}

func TestWriteKeepsWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Write(dir, sample(t), WriteOptions{}); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("got %v, want ErrNotEmpty", err)
	}
	if err := Write(dir, sample(t), WriteOptions{Force: true}); err != nil {
		t.Errorf("with Force: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "mine")); err != nil {
		t.Errorf("what was there is gone: %v", err)
	}
	if err := Write(filepath.Join(dir, "mine"), sample(t), WriteOptions{}); err == nil {
		t.Error("a file was taken for a folder")
	}
}
