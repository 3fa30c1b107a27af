package release_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/gatemend/gatemend/lab/release"
)

// build compiles a small program for an architecture.
func build(t *testing.T, dir, arch string, env ...string) string {
	t.Helper()
	source := filepath.Join(dir, "main.go")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() { println(\"ok\") }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "program-"+arch)
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", out, source)
	cmd.Env = append(append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch), env...)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return out
}

func TestImage(t *testing.T) {
	dir := t.TempDir()
	o := release.Options{
		Ref: "ghcr.io/gatemend/gatemend:1.2.3", Version: "1.2.3", Revision: "abc", Created: time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC),
		Programs: []release.Program{{"arm64", build(t, dir, "arm64")}, {"amd64", build(t, dir, "amd64")}},
	}
	first, err := release.Write(filepath.Join(dir, "a.tar"), o)
	if err != nil {
		t.Fatal(err)
	}
	second, err := release.Write(filepath.Join(dir, "b.tar"), o)
	if err != nil {
		t.Fatal(err)
	}
	a, errA := os.ReadFile(filepath.Join(dir, "a.tar"))
	b, errB := os.ReadFile(filepath.Join(dir, "b.tar"))
	if err := errors.Join(errA, errB); err != nil || first != second || !bytes.Equal(a, b) {
		t.Errorf("two builds differ: %s and %s, %v", first, second, err)
	}
	unpacked := filepath.Join(dir, "unpacked")
	unpack(t, filepath.Join(dir, "a.tar"), unpacked)
	outer, err := layout.ImageIndexFromPath(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := outer.IndexManifest()
	if err != nil || len(manifest.Manifests) != 1 {
		t.Fatalf("got %v, %v", manifest, err)
	}
	named := manifest.Manifests[0]
	if named.Annotations["io.containerd.image.name"] != o.Ref || named.Annotations["org.opencontainers.image.ref.name"] != "1.2.3" || named.Digest != first {
		t.Errorf("got %+v", named)
	}
	index, err := outer.ImageIndex(named.Digest)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	for n, arch := range []string{"amd64", "arm64"} {
		platforms, err := index.IndexManifest()
		if err != nil || platforms.Manifests[n].Platform.Architecture != arch || platforms.Manifests[n].Platform.OS != "linux" {
			t.Fatalf("got %+v, %v", platforms, err)
		}
		image, err := index.Image(platforms.Manifests[n].Digest)
		if err != nil {
			t.Fatal(err)
		}
		check(t, image, arch, o.Programs[1-n].Path)
	}
}

// check looks at what is in the image of one platform.
func check(t *testing.T, image v1.Image, arch, program string) {
	t.Helper()
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.Architecture != arch || config.Config.User != "65532:65532" || strings.Join(config.Config.Entrypoint, " ") != "/gatemend" ||
		config.Config.Labels["org.opencontainers.image.version"] != "1.2.3" {
		t.Errorf("got %+v", config)
	}
	want, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	content := mutate.Extract(image)
	defer content.Close()
	files := tar.NewReader(content)
	var names []string
	for {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
		if h.Mode&0o022 != 0 || h.Uid != 0 {
			t.Errorf("%s can be changed by who runs it: mode %o, owner %d", h.Name, h.Mode, h.Uid)
		}
		if h.Name == "gatemend" {
			if got, err := io.ReadAll(files); err != nil || !bytes.Equal(got, want) || h.Mode != 0o755 {
				t.Errorf("the program is another one: %d bytes, mode %o, %v", len(got), h.Mode, err)
			}
		}
	}
	if got := strings.Join(names, " "); got != "etc etc/group etc/passwd gatemend" && got != "etc/ etc/group etc/passwd gatemend" {
		t.Errorf("got %s", got)
	}
}

func unpack(t *testing.T, archive, dir string) {
	t.Helper()
	file, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	in := tar.NewReader(file)
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, filepath.FromSlash(h.Name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, data, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWrongPrograms(t *testing.T) {
	dir := t.TempDir()
	program := build(t, dir, "arm64")
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]release.Options{
		"is for EM_AARCH64": {Ref: "a:1", Programs: []release.Program{{"amd64", program}}},
		"not known":         {Ref: "a:1", Programs: []release.Program{{"mips", program}}},
		"read program":      {Ref: "a:1", Programs: []release.Program{{"amd64", text}}},
		"no such file":      {Ref: "a:1", Programs: []release.Program{{"amd64", filepath.Join(dir, "none")}}},
		"needs a name":      {Programs: []release.Program{{"arm64", program}}},
		"a program":         {Ref: "a:1"},
	} {
		if _, err := release.Write(filepath.Join(dir, "x.tar"), o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	// A program of this machine that needs a loader: every Linux with a shell has one.
	if _, err := os.Stat("/bin/sh"); err == nil {
		_, err := release.Write(filepath.Join(dir, "x.tar"), release.Options{Ref: "a:1", Programs: []release.Program{{runtime.GOARCH, "/bin/sh"}}})
		if err == nil || !strings.Contains(err.Error(), "loader") {
			t.Errorf("got %v", err)
		}
	}
}
