package binary

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// declaredModule returns the module path that a go.mod declares.
func declaredModule(gomod []byte) string {
	for line := range strings.Lines(string(gomod)) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "module "); ok {
			return strings.Trim(strings.TrimSpace(path), `"`)
		}
	}
	return ""
}

// output runs a command in dir and returns its trimmed standard output. What
// it wrote to standard error becomes part of the error.
func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "GOWORK=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("run %s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(string(out)), nil
}

// ModuleDir returns the folder in the module cache of a module that the lab,
// or one of its builds, requires. Build is "" for the lab itself, else the
// folder's name below lab/build.
func (s *Store) ModuleDir(ctx context.Context, build, module string) (string, error) {
	dir := s.Source
	if build != "" {
		dir = filepath.Join(s.Source, "build", build)
	}
	if _, err := output(ctx, dir, "go", "mod", "download", module); err != nil {
		return "", fmt.Errorf("download module %s: %w", module, err)
	}
	found, err := output(ctx, dir, "go", "list", "-m", "-f", "{{.Dir}}", module)
	if err != nil {
		return "", fmt.Errorf("find module %s: %w", module, err)
	}
	return found, nil
}
