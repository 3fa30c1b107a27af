package binary

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
)

// build compiles what the cache lacks of the wanted programs of one set.
func (s *Store) build(ctx context.Context, set set, wanted []string) (map[string]string, error) {
	target, err := s.folder(ctx, set)
	if err != nil {
		return nil, err
	}
	paths := map[string]string{}
	for _, name := range wanted {
		paths[name] = filepath.Join(target, name)
	}
	if !set.ours && len(missing(paths)) == 0 {
		return paths, nil
	}
	unlock, err := lock(ctx, filepath.Join(s.Dir, set.name+".lock"))
	if err != nil {
		return nil, err
	}
	defer unlock()
	// Another process may have built them while this one waited.
	lacking := missing(paths)
	if set.ours {
		lacking = slices.Sorted(maps.Keys(paths))
	}
	if len(lacking) == 0 {
		return paths, nil
	}
	scratch := filepath.Join(s.Dir, set.name+".building")
	// What an interrupted build left is worthless: the compiler's own cache
	// keeps the work.
	if err := os.RemoveAll(scratch); err != nil {
		return nil, fmt.Errorf("clear scratch folder: %w", err)
	}
	if err := os.MkdirAll(scratch, 0o755); err != nil {
		return nil, fmt.Errorf("create scratch folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(scratch) }() // the next build clears it if this cannot
	if err := copyThere(paths, scratch); err != nil {
		return nil, err
	}
	if err := s.compile(ctx, set, lacking, scratch); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(target, 0o755); err != nil {
		return nil, fmt.Errorf("create cache folder: %w", err)
	}
	for _, name := range lacking {
		if err := publish(filepath.Join(scratch, name), paths[name]); err != nil {
			return nil, err
		}
	}
	return paths, nil
}

// copyThere puts what the cache has of some programs into scratch: the compiler sees by the build id in a program that lies where
// it would put it whether it is what it would make, and then does not link it again. They are copies, since it writes there
// otherwise while images are made of those in the cache.
func copyThere(paths map[string]string, scratch string) error {
	for name, path := range paths {
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(scratch, name), data, 0o755)
		}
		if err != nil {
			return fmt.Errorf("copy cached program: %w", err)
		}
	}
	return nil
}

// folder names the set's place in the cache after what the builds depend on.
func (s *Store) folder(ctx context.Context, set set) (string, error) {
	if set.ours {
		return filepath.Join(s.Dir, "own"), nil
	}
	goVersion, err := output(ctx, s.moduleDir(set), "go", "env", "GOVERSION")
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%s %s/%s %s\n", goVersion, runtime.GOOS, runtime.GOARCH, set.ldflags)
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(s.moduleDir(set), name))
		if err != nil {
			return "", fmt.Errorf("read pins of %s: %w", set.name, err)
		}
		sum.Write(data)
	}
	return filepath.Join(s.Dir, set.name+"-"+set.version+"-"+hex.EncodeToString(sum.Sum(nil))[:12]), nil
}

// moduleDir is the folder in which the set is built.
func (s *Store) moduleDir(set set) string { return filepath.Join(s.Source, set.dir) }

// missing lists the programs without a file, sorted.
func missing(paths map[string]string) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(paths)) {
		if _, err := os.Stat(paths[name]); err != nil {
			names = append(names, name)
		}
	}
	return names
}

// compile builds the programs into scratch. They are linked without cgo, so
// that each runs in an image of its own; a compiler run per program costs
// little, because packages are compiled once, but one run for all links them
// in parallel.
func (s *Store) compile(ctx context.Context, set set, programs []string, scratch string) error {
	ldflags := strings.TrimSpace("-s -w " + set.ldflags)
	args := []string{"build", "-v", "-trimpath", "-buildvcs=false", "-ldflags", ldflags, "-o", scratch + string(os.PathSeparator)}
	for _, name := range programs {
		args = append(args, set.programs[name])
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = s.moduleDir(set)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOWORK=off")
	progress := &packageCounter{}
	cmd.Stderr = progress
	title := strings.TrimSpace("building " + strings.Join(programs, ", ") + " " + set.version)
	err := s.heartbeat(title, !set.ours, func() string {
		return fmt.Sprintf("%d packages compiled", progress.count.Load())
	}, cmd.Run)
	if ctx.Err() != nil {
		return fmt.Errorf("build %s: %w", strings.Join(programs, ", "), context.Cause(ctx))
	}
	if err != nil {
		return fmt.Errorf("build %s: %w\n%s", strings.Join(programs, ", "), err, progress.errors())
	}
	for _, name := range programs {
		// The compiler names a file after its package, which for etcd is v3
		// without the version: server.
		if _, err := os.Stat(filepath.Join(scratch, name)); err == nil {
			continue
		}
		if err := os.Rename(filepath.Join(scratch, packageBase(set.programs[name])), filepath.Join(scratch, name)); err != nil {
			return fmt.Errorf("build %s: %w", name, err)
		}
	}
	return nil
}

// packageBase is the name that the compiler gives to the program of a package:
// the last element of its path that is not a major version.
func packageBase(path string) string {
	base := filepath.Base(path)
	if len(base) > 1 && base[0] == 'v' && strings.Trim(base[1:], "0123456789") == "" {
		return filepath.Base(filepath.Dir(path))
	}
	return base
}

// publish renames a finished file into the cache, unless the cache holds the
// same bytes: an unchanged program keeps its time of change, by which images
// made from it are recognised as unchanged too.
func publish(from, to string) error {
	if same, err := sameBytes(from, to); err != nil || same {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return fmt.Errorf("move program into cache: %w", err)
	}
	return nil
}

// sameBytes compares two files; a missing second file is a difference.
func sameBytes(a, b string) (bool, error) {
	sumA, err := fileSum(a)
	if err != nil {
		return false, fmt.Errorf("read built program: %w", err)
	}
	sumB, err := fileSum(b)
	return err == nil && bytes.Equal(sumA, sumB), nil
}

// fileSum is the SHA-256 of a file.
func fileSum(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return nil, err
	}
	return sum.Sum(nil), nil
}

// packageCounter reads the output of go build -v: a line per compiled package,
// and whatever the compiler has to complain about.
type packageCounter struct {
	count atomic.Int64
	text  bytes.Buffer
}

// Write counts lines; exec calls it from one goroutine.
func (c *packageCounter) Write(data []byte) (int, error) {
	c.count.Add(int64(bytes.Count(data, []byte("\n"))))
	return c.text.Write(data)
}

// errors returns the lines that are not plain package paths, at most the last
// forty: the reason of a failed build.
func (c *packageCounter) errors() string {
	var lines []string
	for line := range strings.Lines(c.text.String()) {
		if strings.ContainsAny(strings.TrimSpace(line), " :#") {
			lines = append(lines, line)
		}
	}
	if len(lines) > 40 {
		lines = lines[len(lines)-40:]
	}
	return strings.Join(lines, "")
}
