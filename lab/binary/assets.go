package binary

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// Assets makes etcd, kube-apiserver and kubectl and returns a folder that
// holds exactly these three: what controller-runtime's envtest wants to find
// in KUBEBUILDER_ASSETS. It needs no root.
func (s *Store) Assets(ctx context.Context) (string, error) {
	paths, err := s.Ensure(ctx, "etcd", "kube-apiserver", "kubectl")
	if err != nil {
		return "", err
	}
	// The folder is named after the builds that it points to, so it is never
	// changed once it is there.
	dir := filepath.Join(s.Dir, "assets-"+filepath.Base(filepath.Dir(paths["kube-apiserver"]))+"-"+filepath.Base(filepath.Dir(paths["etcd"])))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("create assets folder: %w", err)
	}
	for name, path := range paths {
		link := filepath.Join(dir, name)
		if target, err := os.Readlink(link); err == nil && target == path {
			continue
		}
		if err := os.Symlink(path, link); err != nil && !os.IsExist(err) {
			return "", fmt.Errorf("link %s: %w", name, err)
		}
	}
	return dir, nil
}
