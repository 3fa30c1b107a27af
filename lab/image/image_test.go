package image

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// sample is an image of a file of the host, made in the test's folder.
func sample(t *testing.T) Spec {
	t.Helper()
	program := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(program, []byte("not really a program"), 0o755); err != nil {
		t.Fatal(err)
	}
	return Static(Ref("sample"), program)
}

// blobs reads an archive into its files.
func blobs(t *testing.T, archive []byte) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for reader := tar.NewReader(bytes.NewReader(archive)); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		files[header.Name] = data
	}
}

func TestWriteIsDeterministic(t *testing.T) {
	spec := sample(t)
	var first, second bytes.Buffer
	digest, err := Write(&first, spec)
	if err != nil {
		t.Fatal(err)
	}
	// Another time of change and another order are the same image.
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(spec.Files[len(spec.Files)-1].Source, later, later); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(spec.Files)
	again, err := Write(&second, spec)
	if err != nil {
		t.Fatal(err)
	}
	if digest != again || !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Errorf("the same files gave %s and %s", digest, again)
	}
	spec.Files = append(spec.Files, File{Path: "/extra", Content: "x"})
	if other, err := Write(io.Discard, spec); err != nil || other == digest {
		t.Errorf("another file gave %s again (%v)", other, err)
	}
}

func TestWriteMakesAWholeLayout(t *testing.T) {
	spec := sample(t)
	var archive bytes.Buffer
	digest, err := Write(&archive, spec)
	if err != nil {
		t.Fatal(err)
	}
	files := blobs(t, archive.Bytes())
	var index v1.IndexManifest
	if err := json.Unmarshal(files["index.json"], &index); err != nil || len(index.Manifests) != 1 {
		t.Fatalf("index: %+v, %v", index, err)
	}
	entry := index.Manifests[0]
	if entry.Digest.String() != digest || entry.Annotations["io.containerd.image.name"] != spec.Ref {
		t.Errorf("index names %v %v, want %s %s", entry.Digest, entry.Annotations, digest, spec.Ref)
	}
	var manifest v1.Manifest
	if err := json.Unmarshal(files["blobs/sha256/"+entry.Digest.Hex], &manifest); err != nil || len(manifest.Layers) != 1 {
		t.Fatalf("manifest: %+v, %v", manifest, err)
	}
	var config v1.ConfigFile
	if err := json.Unmarshal(files["blobs/sha256/"+manifest.Config.Digest.Hex], &config); err != nil {
		t.Fatal(err)
	}
	if config.OS != "linux" || config.Architecture != runtime.GOARCH {
		t.Errorf("platform is %s/%s", config.OS, config.Architecture)
	}
	layer := blobs(t, files["blobs/sha256/"+manifest.Layers[0].Digest.Hex])
	if string(layer["program"]) != "not really a program" || layer["etc/passwd"] == nil || layer["tmp/"] == nil {
		t.Errorf("the layer holds %d files without the expected ones", len(layer))
	}
}

func TestBuildKeepsWhatDidNotChange(t *testing.T) {
	spec := sample(t)
	cache := Cache{Dir: filepath.Join(t.TempDir(), "images")}
	first, err := cache.Build(spec)
	if err != nil {
		t.Fatal(err)
	}
	// Were it written again, the mark would go.
	if err := os.WriteFile(first.Path, []byte("mark"), 0o644); err != nil {
		t.Fatal(err)
	}
	second, err := cache.Build(spec)
	if err != nil || second != first {
		t.Fatalf("Build = %+v, %v, want %+v", second, err, first)
	}
	if data, err := os.ReadFile(first.Path); err != nil || string(data) != "mark" {
		t.Errorf("an unchanged image was written again (%v)", err)
	}
	if err := os.WriteFile(spec.Files[len(spec.Files)-1].Source, []byte("changed"), 0o755); err != nil {
		t.Fatal(err)
	}
	third, err := cache.Build(spec)
	if err != nil || third.Digest == first.Digest {
		t.Errorf("a changed program gave %+v, %v", third, err)
	}
}

func TestBuildRefuses(t *testing.T) {
	good := sample(t)
	for name, change := range map[string]func(*Spec){
		"no name":        func(s *Spec) { s.Ref = "" },
		"no program":     func(s *Spec) { s.Entrypoint = nil },
		"relative path":  func(s *Spec) { s.Files = []File{{Path: "a"}} },
		"path upward":    func(s *Spec) { s.Files = []File{{Path: "/a/../../b"}} },
		"missing source": func(s *Spec) { s.Files = []File{{Path: "/a", Source: "/nonexistent/a"}} },
	} {
		t.Run(name, func(t *testing.T) {
			spec := good
			change(&spec)
			dir := t.TempDir()
			if archive, err := (Cache{Dir: dir}).Build(spec); err == nil {
				t.Errorf("Build = %+v, want an error", archive)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
				t.Errorf("a failed build left %v", left)
			}
		})
	}
}
