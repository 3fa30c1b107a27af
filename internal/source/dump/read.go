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
}

// ErrNoObjects means that there is not one Kubernetes object in a dump.
var ErrNoObjects = errors.New("no Kubernetes objects found")

// Read reads a file, a folder, an archive (.tar, .tar.gz, .tgz, .zip) or, for "-", standard input.
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
	s, err := ReadFS(root.FS(), opt)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// ReadFS reads every file of a file system, in lexical order. Files whose names say that they are
// prose or logs (.log, .md, .txt) and hidden files are passed over.
func ReadFS(files fs.FS, opt ReadOptions) (*snapshot.Snapshot, error) {
	c := newCollector(standardLimits())
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil && path == ".":
			return err
		case err != nil:
			c.damage(path, words(err))
			return nil
		case d.IsDir() && path != "." && hidden(path):
			return fs.SkipDir
		case d.IsDir() || prose(path) || hidden(path):
			return nil
		}
		f, err := files.Open(path)
		if err != nil {
			c.damage(path, words(err))
			return nil
		}
		defer f.Close()
		return c.read(path, f, 0)
	})
	if err != nil {
		return nil, fmt.Errorf("read dump: %w", err)
	}
	return c.seal(opt.At)
}

// readStream reads one file that was named by the user, whatever its extension.
func readStream(name string, r io.Reader, opt ReadOptions) (*snapshot.Snapshot, error) {
	c := newCollector(standardLimits())
	if err := c.read(name, r, 0); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	s, err := c.seal(opt.At)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return s, nil
}
