package logfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// compressed are the ends of names of files that decompress reads.
func compressed() []string { return []string{".gz", ".zst"} }

// errNoLog is what is no log, though there may be one in it.
var errNoLog = errors.New("not a text")

// decompress returns a reader of what r holds, which it takes apart if it begins like gzip (RFC 1952) or Zstandard
// (RFC 8878); of a JSON array each object is a line. What begins like something else that would only be taken for a strange log is refused by its name.
func decompress(r *bufio.Reader) (io.Reader, error) {
	plain, err := unpack(r)
	if err != nil {
		return nil, err
	}
	b, ok := plain.(*bufio.Reader)
	if !ok {
		b = bufio.NewReader(plain)
	}
	if what := foreign(b); what != "" {
		return nil, fmt.Errorf("%w: %s", errNoLog, what)
	}
	return inElements(b), nil
}

// foreign names what is no text in bytes of one each, and says what to do; empty: it may be a log.
func foreign(b *bufio.Reader) string {
	const inTar, magic = 257, "ustar" // POSIX.1-2017, pax, "ustar Interchange Format"
	head, _ := b.Peek(len("BZh"))     // of what is shorter, all
	// No more than there is at once: a log may be a pipe in which nothing follows for now.
	more, _ := b.Peek(min(b.Buffered(), inTar+len(magic)))
	switch {
	case string(head[:min(2, len(head))]) == "\xff\xfe", string(head[:min(2, len(head))]) == "\xfe\xff":
		return "it is in UTF-16, as PowerShell writes what is redirected; convert it with iconv -f UTF-16 -t UTF-8"
	case string(head) == "BZh":
		return "it is compressed with bzip2; unpack it first"
	case string(head) == "PK\x03":
		return "it is a zip archive; unpack it first"
	case string(head) == "\xfd7z":
		return "it is compressed with xz; unpack it first"
	case len(more) > inTar && string(more[inTar:]) == magic:
		return "it is a tar archive; unpack it first, and give the folder"
	default:
		return ""
	}
}

// unpack takes compression off.
func unpack(r *bufio.Reader) (io.Reader, error) {
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
