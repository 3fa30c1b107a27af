package dump

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gatemend/gatemend/internal/snapshot"
)

// ReadOptions of a read. The zero value will do, but for reading from "-".
type ReadOptions struct {
	// Stdin is what the path "-" stands for.
	Stdin io.Reader
	// At is the time of the dump where neither its index nor its objects tell one.
	At time.Time
	// Logs, if not nil, is given the ends of the containers' logs that the dump holds.
	Logs *[]Log
}

// ErrNoObjects means that there is not one Kubernetes object in a dump.
var ErrNoObjects = errors.New("no Kubernetes objects found")

// Read reads a file, a folder, an archive (.tar, .tar.gz, .tgz, .tar.zst, .zip) or, for "-", standard input.
// The error says that nothing at all could be read; damaged parts become notes of the snapshot.
func Read(path string, opt ReadOptions) (*snapshot.Snapshot, error) {
	if path == "-" {
		if opt.Stdin == nil {
			return nil, errors.New("read -: there is no standard input")
		}
		return readStream("-", opt.Stdin, opt)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read dump: %w", err)
	}
	if !info.IsDir() {
		f, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("read dump: %w", err)
		}
		defer f.Close()
		return readStream(filepath.Base(path), f, opt)
	}
	// A root, so that a link in a folder that somebody sent leads nowhere outside of it.
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("read dump: %w", err)
	}
	defer root.Close()
	s, err := readFS(root.FS(), opt)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// readFS reads every file of a file system, in lexical order. Hidden files are passed over, and those whose
// names say that there are no objects in them.
func readFS(files fs.FS, opt ReadOptions) (*snapshot.Snapshot, error) {
	s, err := gather(opt, func(c *collector) error {
		return fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil && path == ".":
				return err
			case err != nil:
				c.damage(path, words(err))
				return nil
			case d.IsDir() && path != "." && hidden(path):
				return fs.SkipDir
			case d.IsDir() || skipped(path):
				return nil
			}
			f, err := files.Open(path)
			if err != nil {
				c.damage(path, words(err))
				return nil
			}
			defer f.Close()
			return c.member(path, f, 0)
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read dump: %w", err)
	}
	return s, nil
}

// readStream reads one file that was named by the user, whatever its extension.
func readStream(name string, r io.Reader, opt ReadOptions) (*snapshot.Snapshot, error) {
	s, err := gather(opt, func(c *collector) error { return c.read(name, r, 0) })
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return s, nil
}

// gather makes a snapshot of what is read. Of a dump that is too large, what was read until then is used.
func gather(opt ReadOptions, read func(c *collector) error) (*snapshot.Snapshot, error) {
	c := newCollector(standardLimits())
	err := read(c)
	if errors.Is(err, errTooLarge) {
		c.damage("the rest of the dump", err.Error())
		err = nil
	}
	s, sealErr := c.seal(opt.At)
	if opt.Logs != nil {
		for _, l := range c.logs.all {
			*opt.Logs = append(*opt.Logs, *l)
		}
	}
	return s, errors.Join(err, sealErr)
}
