package logfile

import (
	"bufio"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// compressed are the ends of names of files that decompress reads.
func compressed() []string { return []string{".gz", ".zst"} }

// decompress returns a reader of what r holds, which it takes apart if it begins like gzip (RFC 1952) or Zstandard
// (RFC 8878).
func decompress(r *bufio.Reader) (io.Reader, error) {
	magic, err := r.Peek(4)
	switch {
	case len(magic) >= 2 && magic[0] == 0x1f && magic[1] == 0x8b:
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("read gzip: %w", err)
		}
		return z, nil
	case err == nil && string(magic) == "\x28\xb5\x2f\xfd":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(256<<20))
		if err != nil {
			return nil, fmt.Errorf("read zstd: %w", err)
		}
		return z.IOReadCloser(), nil
	default:
		return r, nil
	}
}
