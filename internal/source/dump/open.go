package dump

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"unicode/utf16"

	"github.com/klauspost/compress/zstd"
)

// limits bound what one dump may cost, since a dump may come from anybody.
type limits struct {
	bytes int64 // of all files together, unpacked
	files int   // in all archives together
	depth int   // of archives in archives
	whole int64 // of a file that has to be in memory as a whole: a zip in another archive, UTF-16
}

// standardLimits let through what clusters with 100,000 pods have.
func standardLimits() limits {
	return limits{bytes: 16 << 30, files: 1_000_000, depth: 3, whole: 1 << 30}
}

// errTooLarge ends a read: what has been read by then is not all.
var errTooLarge = errors.New("the dump is too large")

// The first bytes of the formats that are unpacked, and the marks of UTF-16.
const (
	gzipMagic = "\x1f\x8b"
	zstdMagic = "\x28\xb5\x2f\xfd" // RFC 8878, section 3.1.1
	zipMagic  = "PK\x03\x04"
	tarMagic  = "ustar"
	utf8Mark  = "\xef\xbb\xbf"
	utf16LE   = "\xff\xfe"
	utf16BE   = "\xfe\xff"
)

// tarMagicAt is where the magic stands in a tar header: https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html
const tarMagicAt = 257

func hidden(name string) bool { return strings.HasPrefix(path.Base(name), ".") }

// words is an error without the path, which the note names already.
func words(err error) string {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err.Error()
	}
	return err.Error()
}

// counted reads what the limits let through.
type counted struct {
	r    io.Reader
	left *int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if *c.left -= int64(n); *c.left < 0 {
		return n, errTooLarge
	}
	return n, err
}

// read reads a file of any format; archives are unpacked. Only an error that ends the whole read is
// returned. What could be read before an error is used: the first 90% of an archive that was cut off
// while it was copied may hold the answer.
func (c *collector) read(name string, file io.Reader, depth int) error {
	r := bufio.NewReaderSize(counted{file, &c.limits.bytes}, 64<<10)
	begin, err := r.Peek(tarMagicAt + len(tarMagic))
	if len(begin) == 0 && err != nil && !errors.Is(err, io.EOF) {
		return c.failed(name, err)
	}
	switch {
	case hasPrefix(begin, gzipMagic), hasPrefix(begin, zstdMagic):
		return c.packed(name, r, depth)
	case hasPrefix(begin, zipMagic):
		return c.zip(name, file, r, depth)
	case len(begin) > tarMagicAt && hasPrefix(begin[tarMagicAt:], tarMagic):
		return c.tar(name, r, depth)
	case hasPrefix(begin, utf16LE), hasPrefix(begin, utf16BE):
		text, err := io.ReadAll(io.LimitReader(r, c.limits.whole))
		c.text(name, newWindow(bytes.NewReader(fromUTF16(text))))
		return c.failed(name, err)
	case hasPrefix(begin, utf8Mark):
		_, _ = r.Discard(len(utf8Mark)) // it has been peeked at
	}
	w := newWindow(r)
	c.text(name, w)
	return c.failed(name, w.err)
}

func hasPrefix(data []byte, prefix string) bool { return bytes.HasPrefix(data, []byte(prefix)) }

// failed notes an error of reading a file, and gives it back if it ends everything.
func (c *collector) failed(name string, err error) error {
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return nil
	case errors.Is(err, errTooLarge):
		return fmt.Errorf("%s: %w", name, errTooLarge)
	default:
		c.damage(name, words(err))
		return nil
	}
}

// fromUTF16 is text as UTF-8. Windows PowerShell writes UTF-16 when the output of kubectl is redirected
// into a file.
func fromUTF16(data []byte) []byte {
	var order binary.ByteOrder = binary.LittleEndian
	if hasPrefix(data, utf16BE) {
		order = binary.BigEndian
	}
	units := make([]uint16, 0, len(data)/2)
	for i := 2; i+1 < len(data); i += 2 {
		units = append(units, order.Uint16(data[i:]))
	}
	return []byte(string(utf16.Decode(units)))
}

// deeper reports whether an archive at this depth is unpacked.
func (c *collector) deeper(name string, depth int) bool {
	if depth >= c.limits.depth {
		c.damage(name, fmt.Sprintf("an archive in %d archives is not unpacked", depth))
		return false
	}
	return true
}

// packed reads what one file was packed into, whatever that is.
func (c *collector) packed(name string, r *bufio.Reader, depth int) error {
	if !c.deeper(name, depth) {
		return nil
	}
	z, err := unpack(r)
	if err != nil {
		return c.failed(name, err)
	}
	defer z.Close()
	return c.read(unpackedName(name), z, depth+1)
}

// mostWindow is how much of its output a zstd stream may refer back to: what zstd allows without being told
// otherwise is 8 MB, and what its option --long needs is 128 MB.
const mostWindow = 128 << 20

// unpack reads gzip or zstd, which it tells by how it begins.
func unpack(r *bufio.Reader) (io.ReadCloser, error) {
	if begin, err := r.Peek(len(zstdMagic)); err == nil && hasPrefix(begin, zstdMagic) {
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(mostWindow))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	}
	return gzip.NewReader(r)
}

// unpackedName is a name without the ending that says how it was packed.
func unpackedName(name string) string {
	return strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".zst")
}

// member reads a file of a folder or an archive.
func (c *collector) member(name string, r io.Reader, depth int) error {
	c.many = true
	if l, isLog := logOf(name); isLog || isSections(name) {
		return c.log(name, l, r, depth)
	}
	return c.read(name, r, depth)
}

// log reads a container's log, or a file of several.
func (c *collector) log(name string, l Log, r io.Reader, depth int) error {
	r = counted{r, &c.limits.bytes}
	if unpackedName(name) != name {
		if !c.deeper(name, depth) {
			return nil
		}
		z, err := unpack(bufio.NewReader(r))
		if err != nil {
			return c.failed(name, err)
		}
		defer z.Close()
		r = counted{z, &c.limits.bytes}
	}
	if !isSections(name) {
		return c.failed(name, c.logs.read(l, r))
	}
	w := newWindow(r)
	(&reader{w: w, sink: c, file: name}).sections()
	return c.failed(name, w.err)
}

// zip reads a zip archive: where it lies on a disk in place, since its directory is at its end.
func (c *collector) zip(name string, file, r io.Reader, depth int) error {
	if !c.deeper(name, depth) {
		return nil
	}
	at, size, err := c.randomly(file, r)
	if err != nil {
		return c.failed(name, err)
	}
	z, err := zip.NewReader(at, size)
	if err != nil {
		return c.failed(name, err)
	}
	for _, f := range z.File {
		if f.FileInfo().IsDir() || skipped(f.Name) {
			continue
		}
		if err := c.count(name); err != nil {
			return err
		}
		r, err := f.Open()
		if err != nil {
			c.damage(f.Name, words(err))
			continue
		}
		err = c.member(f.Name, r, depth+1)
		r.Close() // what could not be read has been noted
		if err != nil {
			return err
		}
	}
	return nil
}

// randomly gives access to any place of a file.
func (c *collector) randomly(file, r io.Reader) (io.ReaderAt, int64, error) {
	if f, ok := file.(interface {
		io.ReaderAt
		fs.File
	}); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			return f, info.Size(), nil
		}
	}
	data, err := io.ReadAll(io.LimitReader(r, c.limits.whole+1))
	if int64(len(data)) > c.limits.whole {
		return nil, 0, errTooLarge
	}
	return bytes.NewReader(data), int64(len(data)), err
}

func (c *collector) tar(name string, r io.Reader, depth int) error {
	if !c.deeper(name, depth) {
		return nil
	}
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		switch {
		case err != nil:
			return c.failed(name, err)
		case h.Typeflag != tar.TypeReg || skipped(h.Name):
			continue // links are not followed: there is no file system that they could point into
		}
		if err := c.count(name); err != nil {
			return err
		}
		if err := c.member(h.Name, t, depth+1); err != nil {
			return err
		}
	}
}

// count bounds the number of files in archives.
func (c *collector) count(archive string) error {
	if c.limits.files--; c.limits.files < 0 {
		return fmt.Errorf("%s: too many files: %w", archive, errTooLarge)
	}
	return nil
}
