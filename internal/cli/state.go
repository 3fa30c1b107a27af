package cli

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/gatemend/gatemend/internal/watch"
)

// remembering makes a watch's memory, which knows what the file holds if there is one. A file that cannot be understood is
// told of and replaced; one that cannot be read or written is an error.
func remembering(env Env, path string) (*watch.Memory, error) {
	if path == "" {
		return watch.NewMemory(nil), nil
	}
	m := watch.NewMemory(func(content []byte) error { return env.WriteFile(path, content) })
	data, err := env.ReadFile(path, nil)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("--state: %w", err)
	default:
		if err := m.Load(data, env.Now()); err != nil {
			fmt.Fprintf(env.Err, "gatemend: --state %s: %v; what is usual is learned anew\n", path, err)
		}
	}
	if err := m.Save(); err != nil {
		return nil, fmt.Errorf("--state: %w", err)
	}
	return m, nil
}
