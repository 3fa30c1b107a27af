package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Archive is an image on disk.
type Archive struct {
	// Ref is the image's full name.
	Ref string
	// Path is an OCI image layout in a tar file.
	Path string
	// Digest is the manifest's digest (sha256:...), which a node lists beside
	// the name.
	Digest string
}

// Cache keeps archives, so that an image whose files did not change is not
// written again.
type Cache struct {
	// Dir is the folder of the archives; it is created as needed.
	Dir string
}

// Build returns the archive of the image, writing it unless the cache holds
// one of the same spec and the same files (by size and time of change).
func (c Cache) Build(s Spec) (Archive, error) {
	if err := s.check(); err != nil {
		return Archive{}, err
	}
	key, err := s.key()
	if err != nil {
		return Archive{}, err
	}
	base := path.Base(strings.ReplaceAll(s.Ref, ":", "-")) + "."
	target := filepath.Join(c.Dir, base+key+".tar")
	// The digest is written last: where it is, the archive is whole.
	if digest, err := os.ReadFile(target + ".digest"); err == nil {
		return Archive{Ref: s.Ref, Path: target, Digest: string(digest)}, nil
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return Archive{}, fmt.Errorf("create image folder: %w", err)
	}
	c.forget(base)
	digest, err := writeFile(target, func(w io.Writer) (string, error) { return Write(w, s) })
	if err != nil {
		return Archive{}, err
	}
	_, err = writeFile(target+".digest", func(w io.Writer) (string, error) {
		_, err := io.WriteString(w, digest)
		return "", err
	})
	return Archive{Ref: s.Ref, Path: target, Digest: digest}, err
}

// keepFor is how long archives of an image's earlier states are kept: longer
// than another cluster may need to load one.
const keepFor = time.Hour

// forget removes archives that newer ones of the same image have replaced, so
// that the cache does not grow with every change of a program.
func (c Cache) forget(base string) {
	files, err := filepath.Glob(filepath.Join(c.Dir, base+"*"))
	if err != nil {
		return
	}
	// In reverse, so that a digest goes before the archive that it vouches for.
	for _, file := range slices.Backward(files) {
		if info, err := os.Stat(file); err == nil && time.Since(info.ModTime()) > keepFor {
			_ = os.Remove(file)
		}
	}
}

// key is a hash of all that decides the image's content.
func (s Spec) key() (string, error) {
	sum := sha256.New()
	data, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("describe image %s: %w", s.Ref, err)
	}
	sum.Write(data)
	for _, file := range s.Files {
		if file.Source == "" {
			continue
		}
		info, err := os.Stat(file.Source)
		if err != nil {
			return "", fmt.Errorf("add file to image %s: %w", s.Ref, err)
		}
		fmt.Fprintf(sum, "%s %d %d\n", file.Source, info.Size(), info.ModTime().UnixNano())
	}
	return hex.EncodeToString(sum.Sum(nil))[:24], nil
}

// writeFile writes a file that appears under its name only when complete.
func writeFile(path string, write func(io.Writer) (string, error)) (string, error) {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.part")
	if err != nil {
		return "", fmt.Errorf("create image file: %w", err)
	}
	defer func() { _ = os.Remove(file.Name()) }() // it is gone when it got its name
	result, err := write(file)
	if err = errors.Join(err, file.Close()); err != nil {
		return "", fmt.Errorf("write image file: %w", err)
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return "", fmt.Errorf("move image file: %w", err)
	}
	return result, nil
}

// Write writes the image as an OCI layout archive and returns the digest of
// its manifest. The layer is not compressed: it is read once, on this machine.
func Write(w io.Writer, s Spec) (digest string, err error) {
	if err := s.check(); err != nil {
		return "", err
	}
	image, err := assemble(s)
	if err != nil {
		return "", err
	}
	manifest, err := image.RawManifest()
	if err != nil {
		return "", fmt.Errorf("make manifest of image %s: %w", s.Ref, err)
	}
	config, err := image.RawConfigFile()
	if err != nil {
		return "", fmt.Errorf("make config of image %s: %w", s.Ref, err)
	}
	hash, _, err := v1.SHA256(bytes.NewReader(manifest))
	if err != nil {
		return "", fmt.Errorf("hash manifest of image %s: %w", s.Ref, err)
	}
	index, err := json.Marshal(v1.IndexManifest{
		SchemaVersion: 2,
		MediaType:     types.OCIImageIndex,
		Manifests: []v1.Descriptor{{
			MediaType: types.OCIManifestSchema1,
			Size:      int64(len(manifest)),
			Digest:    hash,
			Platform:  &v1.Platform{OS: "linux", Architecture: runtime.GOARCH},
			// The name under which containerd's import stores the image.
			Annotations: map[string]string{"io.containerd.image.name": s.Ref},
		}},
	})
	if err != nil {
		return "", fmt.Errorf("make index of image %s: %w", s.Ref, err)
	}
	out := tar.NewWriter(w)
	for _, blob := range []struct {
		name string
		data []byte
	}{
		{"oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`)},
		{"index.json", index},
		{"blobs/sha256/" + hash.Hex, manifest},
		{blobName(config), config},
	} {
		if err := writeBlob(out, blob.name, int64(len(blob.data)), bytes.NewReader(blob.data)); err != nil {
			return "", fmt.Errorf("write image %s: %w", s.Ref, err)
		}
	}
	layers, err := image.Layers()
	if err != nil {
		return "", fmt.Errorf("list layers of image %s: %w", s.Ref, err)
	}
	for _, layer := range layers {
		if err := writeLayerBlob(out, layer); err != nil {
			return "", fmt.Errorf("write layer of image %s: %w", s.Ref, err)
		}
	}
	if err := out.Close(); err != nil {
		return "", fmt.Errorf("close image %s: %w", s.Ref, err)
	}
	return hash.String(), nil
}

// assemble makes the image. OS and architecture are set: containerd skips an
// image without them as one for another platform.
func assemble(s Spec) (v1.Image, error) {
	layer, err := newLayer(s)
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err = mutate.ConfigFile(image, &v1.ConfigFile{
		OS:           "linux",
		Architecture: runtime.GOARCH,
		RootFS:       v1.RootFS{Type: "layers"},
		Config: v1.Config{
			Entrypoint: s.Entrypoint,
			Env:        append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, s.Env...),
			WorkingDir: "/",
		},
	})
	if err != nil {
		return nil, fmt.Errorf("configure image %s: %w", s.Ref, err)
	}
	if image, err = mutate.AppendLayers(image, layer); err != nil {
		return nil, fmt.Errorf("add layer to image %s: %w", s.Ref, err)
	}
	return image, nil
}

// blobName is where a layout keeps the bytes.
func blobName(data []byte) string {
	sum := sha256.Sum256(data)
	return "blobs/sha256/" + hex.EncodeToString(sum[:])
}

// writeLayerBlob copies a layer into the layout.
func writeLayerBlob(out *tar.Writer, layer v1.Layer) error {
	digest, err := layer.Digest()
	if err != nil {
		return err
	}
	size, err := layer.Size()
	if err != nil {
		return err
	}
	content, err := layer.Compressed()
	if err != nil {
		return err
	}
	defer content.Close()
	return writeBlob(out, "blobs/sha256/"+digest.Hex, size, content)
}

// writeBlob adds one file to an archive.
func writeBlob(out *tar.Writer, name string, size int64, content io.Reader) error {
	if err := out.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, Format: tar.FormatPAX}); err != nil {
		return err
	}
	_, err := io.Copy(out, content)
	return err
}
