package binary

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestPinsAreInStep(t *testing.T) {
	source, err := FindSource(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ build, module, version string }{
		{"kubernetes", "k8s.io/kubernetes", KubernetesVersion},
		{"etcd", "go.etcd.io/etcd/server/v3", EtcdVersion},
		{"contour", "github.com/projectcontour/contour", ContourVersion},
		{"caddy", "github.com/caddyserver/caddy/v2", CaddyVersion},
		{"kwok", "sigs.k8s.io/kwok", KwokVersion},
		{"kube-state-metrics", "k8s.io/kube-state-metrics/v2", KubeStateMetricsVersion},
	} {
		data, err := os.ReadFile(filepath.Join(source, "build", tc.build, "go.mod"))
		if err != nil {
			t.Fatal(err)
		}
		if pin := tc.module + " " + tc.version; !strings.Contains(string(data), pin+"\n") {
			t.Errorf("build/%s/go.mod does not require %s, which the lab says it builds", tc.build, pin)
		}
	}
}

func TestProgramsHaveOneOrigin(t *testing.T) {
	seen := map[string]string{}
	for _, set := range sets() {
		for name := range set.programs {
			if other, twice := seen[name]; twice {
				t.Errorf("%s is in %s and in %s", name, other, set.name)
			}
			seen[name] = set.name
		}
	}
}

func TestEnsureRefusesUnknown(t *testing.T) {
	store := &Store{Dir: t.TempDir(), Source: t.TempDir()}
	_, err := store.Ensure(context.Background(), "kube-apiserver", "traefik")
	if err == nil || !strings.Contains(err.Error(), `"traefik"`) || !strings.Contains(err.Error(), "kubelet") {
		t.Errorf("Ensure = %v, want an error that names what is unknown and what is known", err)
	}
}

func TestFindSource(t *testing.T) {
	root := t.TempDir()
	deep := filepath.Join(root, "lab", "cluster")
	beside := filepath.Join(root, "internal", "path")
	for _, dir := range []string{deep, beside} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := FindSource(beside); !errors.Is(err, ErrNoSource) {
		t.Errorf("FindSource without a lab = %v, want ErrNoSource", err)
	}
	if err := os.WriteFile(filepath.Join(root, "lab", "go.mod"), []byte("// the lab\nmodule "+modulePath+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, start := range []string{root, deep, beside} {
		if got, err := FindSource(start); err != nil || got != filepath.Join(root, "lab") {
			t.Errorf("FindSource(%s) = %s, %v", start, got, err)
		}
	}
}

func TestPackageBase(t *testing.T) {
	for path, want := range map[string]string{
		"go.etcd.io/etcd/server/v3":        "server",
		"k8s.io/kubernetes/cmd/kubelet":    "kubelet",
		"example.org/vault":                "vault",
		"example.org/v":                    "v",
		"github.com/x/contour/cmd/contour": "contour",
	} {
		if got := packageBase(path); got != want {
			t.Errorf("packageBase(%q) = %q, want %q", path, got, want)
		}
	}
}

func TestPublishKeepsAnUnchangedProgram(t *testing.T) {
	dir := t.TempDir()
	old, fresh := filepath.Join(dir, "old"), filepath.Join(dir, "new")
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(old, "one")
	past := time.Now().Add(-time.Hour).Truncate(time.Second)
	if err := os.Chtimes(old, past, past); err != nil {
		t.Fatal(err)
	}
	write(fresh, "one")
	if err := publish(fresh, old); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(old); err != nil || !info.ModTime().Equal(past) {
		t.Errorf("the same bytes replaced the file (%v, %v)", info.ModTime(), err)
	}
	write(fresh, "two")
	if err := publish(fresh, old); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(old); err != nil || string(data) != "two" {
		t.Errorf("after publishing other bytes the file holds %q (%v)", data, err)
	}
}

func TestInterruptedBuildIsNoResult(t *testing.T) {
	source := t.TempDir()
	module := filepath.Join(source, "build")
	if err := os.MkdirAll(module, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"go.mod": "module example.org/m\n\ngo 1.26\n", "go.sum": "",
		"main.go": "package main\n\nfunc main() { undefined() }\n",
	} {
		if err := os.WriteFile(filepath.Join(module, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	store := &Store{Dir: t.TempDir(), Source: source}
	broken := set{name: "m", version: "v1", dir: "build", programs: map[string]string{"m": "example.org/m"}}
	_, err := store.build(context.Background(), broken, []string{"m"})
	if err == nil || !strings.Contains(err.Error(), "undefined") {
		t.Fatalf("build of a broken program = %v, want the compiler's words", err)
	}
	if err := os.WriteFile(filepath.Join(module, "main.go"), []byte("package main\n\nfunc main() {}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	store.Log = &log
	paths, err := store.build(context.Background(), broken, []string{"m"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(paths["m"]); err != nil || !strings.Contains(log.String(), "building m v1") {
		t.Errorf("after the mend: %v; log %q", err, log.String())
	}
	log.Reset()
	if again, err := store.build(context.Background(), broken, []string{"m"}); err != nil || again["m"] != paths["m"] || log.Len() > 0 {
		t.Errorf("a cached program: %v, %v, log %q; want silence", again, err, log.String())
	}
	// Other pins are another program.
	if err := os.WriteFile(filepath.Join(module, "go.sum"), []byte("\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if other, err := store.build(context.Background(), broken, []string{"m"}); err != nil || other["m"] == paths["m"] {
		t.Errorf("after a change of go.sum: %v, %v; want another place", other, err)
	}
}

// Programs of our own are built each time, but linked again only when their sources have changed.
func TestAnUnchangedProgramIsNotLinkedAgain(t *testing.T) {
	store := &Store{Dir: t.TempDir(), Source: t.TempDir()}
	own := set{name: "m", dir: ".", ours: true, programs: map[string]string{"m": "example.org/m"}}
	sources := func(main string) {
		t.Helper()
		for name, text := range map[string]string{"go.mod": "module example.org/m\n\ngo 1.26\n", "go.sum": "", "main.go": main} {
			if err := os.WriteFile(filepath.Join(store.Source, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	prints := func() string {
		t.Helper()
		paths, err := store.build(t.Context(), own, []string{"m"})
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), paths["m"]).CombinedOutput()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	sources("package main\n\nfunc main() { print(\"one\") }\n")
	if got := prints(); got != "one" {
		t.Fatalf("it prints %q", got)
	}
	// What lies there and says of itself that it is the program is taken for it: nothing is linked.
	cached := filepath.Join(store.Dir, "own", "m")
	file, err := os.OpenFile(cached, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString("mark"); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	prints()
	if data, err := os.ReadFile(cached); err != nil || !bytes.HasSuffix(data, []byte("mark")) {
		t.Errorf("it was linked again, error %v", err)
	}
	sources("package main\n\nfunc main() { print(\"two\") }\n")
	if got := prints(); got != "two" {
		t.Errorf("after a change of its source it prints %q", got)
	}
}

func TestLockWaitsAndGivesUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := lock(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := lock(ctx, path); !errors.Is(err, context.Canceled) {
		t.Errorf("second lock = %v, want context.Canceled", err)
	}
	unlock()
	unlock, err = lock(context.Background(), path)
	if err != nil {
		t.Fatalf("lock after unlock: %v", err)
	}
	unlock()
}

func TestHoldServices(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy-rc.d")
	for name, tc := range map[string]struct {
		before, after string
	}{
		"nothing there":           {"", ""},
		"left by a killed run":    {policyText, ""},
		"the machine has its own": {"#!/bin/sh\nexit 0\n", "#!/bin/sh\nexit 0\n"},
	} {
		t.Run(name, func(t *testing.T) {
			os.Remove(path)
			if tc.before != "" {
				if err := os.WriteFile(path, []byte(tc.before), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			release, err := holdServices(path)
			if err != nil {
				t.Fatal(err)
			}
			if data, err := os.ReadFile(path); err != nil || (tc.after == "" && string(data) != policyText) {
				t.Errorf("while installing: %q, %v", data, err)
			}
			release()
			data, _ := os.ReadFile(path)
			if string(data) != tc.after {
				t.Errorf("afterwards: %q, want %q", data, tc.after)
			}
		})
	}
}

func TestMissingPackages(t *testing.T) {
	got := Missing([]Package{{"zz", "/nonexistent/zz"}, {"shell", "sh"}, {"aa", "no-such-program-of-the-host"}})
	if len(got) != 2 || got[0] != "aa" || got[1] != "zz" {
		t.Errorf("Missing = %q, want aa and zz", got)
	}
}
