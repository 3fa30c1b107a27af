// Package release makes gatemend's container image for several platforms, without a container tool: one static
// program and nothing else, not run by root.
//
// The same programs give the same bytes, so anybody can build the image again and compare digests.
package release

import (
	"archive/tar"
	"bytes"
	"cmp"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// user is whom the program runs as; the number is that of "nonroot" in most small images. Kubernetes needs a
// number to see that it is not root.
const user = 65532

// Program is the program for one platform.
type Program struct {
	Architecture string // as Go calls it: amd64, arm64
	Path         string
}

// Options describe an image.
type Options struct {
	Ref      string // name and tag under which 'ctr images import' stores it
	Version  string
	Revision string // the commit
	Created  time.Time
	Programs []Program
}

// machines are the ELF machines of the architectures that images are made for.
func machines() map[string]elf.Machine {
	return map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}
}

// Index makes the image for all platforms.
func Index(o Options) (v1.ImageIndex, error) {
	if o.Ref == "" || len(o.Programs) == 0 {
		return nil, errors.New("an image needs a name and a program")
	}
	programs := slices.Clone(o.Programs)
	slices.SortFunc(programs, func(a, b Program) int { return cmp.Compare(a.Architecture, b.Architecture) })
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, p := range programs {
		image, err := image(p, o)
		if err != nil {
			return nil, fmt.Errorf("image for %s: %w", p.Architecture, err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{
			Platform: &v1.Platform{OS: "linux", Architecture: p.Architecture},
		}})
	}
	return index, nil
}

func image(p Program, o Options) (v1.Image, error) {
	if err := static(p); err != nil {
		return nil, err
	}
	layer, err := layerOf(p.Path, o.Created)
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err = mutate.ConfigFile(image, &v1.ConfigFile{
		OS: "linux", Architecture: p.Architecture, Created: v1.Time{Time: o.Created.UTC()},
		RootFS: v1.RootFS{Type: "layers"},
		Config: v1.Config{
			Entrypoint: []string{"/gatemend"}, User: fmt.Sprintf("%d:%d", user, user), WorkingDir: "/",
			Env: []string{"PATH=/"},
			Labels: map[string]string{
				"org.opencontainers.image.title": "gatemend", "org.opencontainers.image.source": "https://github.com/gatemend/gatemend",
				"org.opencontainers.image.version": o.Version, "org.opencontainers.image.revision": o.Revision,
				"org.opencontainers.image.licenses": "Apache-2.0",
			},
		},
	})
	if err != nil {
		return nil, err
	}
	return mutate.Append(image, mutate.Addendum{Layer: layer, History: v1.History{
		CreatedBy: "gatemend", Created: v1.Time{Time: o.Created.UTC()},
	}})
}

// static refuses a program that would not run in an image without anything else, or on another machine.
func static(p Program) error {
	want, known := machines()[p.Architecture]
	if !known {
		return fmt.Errorf("architecture %q is not known", p.Architecture)
	}
	file, err := elf.Open(p.Path)
	if err != nil {
		return fmt.Errorf("read program: %w", err)
	}
	defer file.Close()
	if file.Machine != want {
		return fmt.Errorf("%s is for %s", p.Path, file.Machine)
	}
	for _, segment := range file.Progs {
		if segment.Type == elf.PT_INTERP {
			return fmt.Errorf("%s needs a dynamic loader: build it with CGO_ENABLED=0", p.Path)
		}
	}
	return nil
}

// layerOf is a layer with the program, and the accounts by which tools name who runs it.
func layerOf(program string, at time.Time) (v1.Layer, error) {
	data, err := os.ReadFile(program)
	if err != nil {
		return nil, fmt.Errorf("read program: %w", err)
	}
	var archive bytes.Buffer
	out := tar.NewWriter(&archive)
	for _, e := range []struct {
		name string
		mode int64
		data []byte
	}{
		{"etc/", 0o755, nil},
		{"etc/group", 0o644, fmt.Appendf(nil, "root:x:0:\nnonroot:x:%d:\n", user)},
		{"etc/passwd", 0o644, fmt.Appendf(nil, "root:x:0:0:root:/:/sbin/nologin\nnonroot:x:%d:%d:nonroot:/:/sbin/nologin\n", user, user)},
		{"gatemend", 0o755, data},
	} {
		header := &tar.Header{Typeflag: tar.TypeReg, Name: e.name, Mode: e.mode, Size: int64(len(e.data)), ModTime: at.UTC().Truncate(time.Second), Format: tar.FormatPAX}
		if strings.HasSuffix(e.name, "/") {
			header.Typeflag = tar.TypeDir
		}
		if err := out.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := out.Write(e.data); err != nil {
			return nil, err
		}
	}
	if err := out.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive.Bytes())), nil },
		tarball.WithMediaType(types.OCILayer))
}

// Write writes the image as an OCI image layout in a tar file, which 'ctr images import', 'skopeo copy oci-archive:'
// and 'crane push' read, and gives its digest.
func Write(path string, o Options) (v1.Hash, error) {
	index, err := Index(o)
	if err != nil {
		return v1.Hash{}, err
	}
	digest, err := index.Digest()
	if err != nil {
		return v1.Hash{}, err
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), ".image")
	if err != nil {
		return v1.Hash{}, fmt.Errorf("write image: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // it is below the folder of the result; what stays is seen
	named := mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.OCIImageIndex), mutate.IndexAddendum{
		Add: index, Descriptor: v1.Descriptor{Annotations: map[string]string{
			"org.opencontainers.image.ref.name": tag(o.Ref),
			"io.containerd.image.name":          o.Ref, // the name under which containerd's import stores it
		}},
	})
	if _, err := layout.Write(dir, named); err != nil {
		return v1.Hash{}, fmt.Errorf("write image: %w", err)
	}
	return digest, archive(path, dir, o.Created)
}

func tag(ref string) string {
	if at := strings.LastIndex(ref, ":"); at > strings.LastIndex(ref, "/") {
		return ref[at+1:]
	}
	return "latest"
}

// archive puts a folder into a tar file, in the order of names.
func archive(path, dir string, at time.Time) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write image: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	out := tar.NewWriter(file)
	err = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		if err := out.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: filepath.ToSlash(rel), Mode: 0o644, Size: int64(len(data)), ModTime: at.UTC().Truncate(time.Second), Format: tar.FormatPAX}); err != nil {
			return err
		}
		_, err = out.Write(data)
		return err
	})
	return errors.Join(err, out.Close())
}
