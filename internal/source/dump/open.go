package dump

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// limits bound what one dump may cost, since a dump may come from anybody.
type limits struct {
	bytes int64 // of all files together, unpacked
	files int   // in all archives together
	depth int   // of archives in archives
}

// standardLimits let through what clusters with 100,000 pods have.
func standardLimits() limits {
	return limits{bytes: 2 << 30, files: 100_000, depth: 3}
}

// errTooLarge ends a read: what has been read by then is not all.
var errTooLarge = errors.New("the dump is too large")

// The first bytes of the formats that are unpacked.
const (
	gzipMagic = "\x1f\x8b"
	zipMagic  = "PK\x03\x04"
	tarMagic  = "ustar"
)

// tarMagicAt is where the magic stands in a tar header: https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html
const tarMagicAt = 257

// prose reports whether a file's name says that there are no objects in it.
func prose(name string) bool {
	return slices.Contains([]string{".log", ".md", ".txt"}, strings.ToLower(path.Ext(name)))
}

func hidden(name string) bool { return strings.HasPrefix(path.Base(name), ".") }

// words is an error without the path, which the note names already.
func words(err error) string {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err.Error()
	}
	return err.Error()
}

// file reads a file of any format; archives are unpacked. Only an error that ends the whole read is
// returned.
func (c *collector) file(name string, r io.Reader, depth int) error {
	data, err := io.ReadAll(io.LimitReader(r, c.limits.bytes+1))
	if c.limits.bytes -= int64(len(data)); c.limits.bytes < 0 {
		return fmt.Errorf("%s: %w", name, errTooLarge)
	}
	// What could be read before an error is used: the first 90% of an archive that was cut off while
	// it was copied may hold the answer.
	if err != nil {
		c.damage(name, words(err))
	}
	switch {
	case bytes.HasPrefix(data, []byte(gzipMagic)):
		return c.gzip(name, data, depth)
	case bytes.HasPrefix(data, []byte(zipMagic)):
		return c.zip(name, data, depth)
	case len(data) > tarMagicAt && bytes.HasPrefix(data[tarMagicAt:], []byte(tarMagic)):
		return c.tar(name, data, depth)
	case err != nil && !isText(data):
		return nil // the beginning of something, which the note above is about
	default:
		c.text(name, data)
		return nil
	}
}

// deeper reports whether an archive at this depth is unpacked.
func (c *collector) deeper(name string, depth int) bool {
	if depth >= c.limits.depth {
		c.damage(name, fmt.Sprintf("an archive in %d archives is not unpacked", depth))
		return false
	}
	return true
}

func (c *collector) gzip(name string, data []byte, depth int) error {
	if !c.deeper(name, depth) {
		return nil
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		c.damage(name, words(err))
		return nil
	}
	return c.file(strings.TrimSuffix(name, ".gz"), z, depth+1)
}

func (c *collector) zip(name string, data []byte, depth int) error {
	if !c.deeper(name, depth) {
		return nil
	}
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		c.damage(name, words(err))
		return nil
	}
	for _, f := range z.File {
		if f.FileInfo().IsDir() || !c.wanted(f.Name) {
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
		err = c.file(f.Name, r, depth+1)
		r.Close() // the reader was read to its end: there is nothing left to fail
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *collector) tar(name string, data []byte, depth int) error {
	if !c.deeper(name, depth) {
		return nil
	}
	t := tar.NewReader(bytes.NewReader(data))
	for {
		h, err := t.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			c.damage(name, words(err))
			return nil
		case h.Typeflag != tar.TypeReg || !c.wanted(h.Name):
			continue // links are not followed: there is no file system that they could point into
		}
		if err := c.count(name); err != nil {
			return err
		}
		if err := c.file(h.Name, t, depth+1); err != nil {
			return err
		}
	}
}

// wanted reports whether a file in an archive may hold objects. "._" files are what macOS adds to
// archives.
func (c *collector) wanted(name string) bool {
	return !prose(name) && !hidden(name) && !strings.HasPrefix(name, "__MACOSX/")
}

// count bounds the number of files in archives.
func (c *collector) count(archive string) error {
	if c.limits.files--; c.limits.files < 0 {
		return fmt.Errorf("%s: too many files: %w", archive, errTooLarge)
	}
	return nil
}
