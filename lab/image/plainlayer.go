package image

import (
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// plainLayer is a layer that is made anew each time it is read, so that a
// large program is never held in memory.
type plainLayer struct {
	spec Spec
	hash v1.Hash
	size int64
}

var _ v1.Layer = (*plainLayer)(nil)

// newLayer reads the spec's files once, for their hash and size.
func newLayer(s Spec) (*plainLayer, error) {
	layer := &plainLayer{spec: s}
	content, err := layer.Uncompressed()
	if err != nil {
		return nil, err
	}
	defer content.Close()
	layer.hash, layer.size, err = v1.SHA256(content)
	return layer, err
}

// Digest is the hash of the archive: there is no compression.
func (l *plainLayer) Digest() (v1.Hash, error) { return l.hash, nil }

// DiffID equals the digest.
func (l *plainLayer) DiffID() (v1.Hash, error) { return l.hash, nil }

// Compressed returns the archive as it is.
func (l *plainLayer) Compressed() (io.ReadCloser, error) { return l.Uncompressed() }

// Uncompressed returns the archive. The caller closes it, which also ends the
// goroutine that writes it.
func (l *plainLayer) Uncompressed() (io.ReadCloser, error) {
	reader, writer := io.Pipe()
	go func() { writer.CloseWithError(writeLayer(writer, l.spec)) }()
	return reader, nil
}

// Size is the archive's length in bytes.
func (l *plainLayer) Size() (int64, error) { return l.size, nil }

// MediaType says that the layer is not compressed.
func (l *plainLayer) MediaType() (types.MediaType, error) { return types.OCIUncompressedLayer, nil }
