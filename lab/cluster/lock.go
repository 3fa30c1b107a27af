package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// lockState takes the cluster's lock, so that two of Up and Down never work on
// one cluster at once. The state folder itself is locked: nothing is left of
// the lock when the folder is gone, and the kernel frees it when its holder
// ends, however that happens. A folder that is missing is made if create is
// set, else it is ErrNotFound.
func lockState(ctx context.Context, l layout, create bool, waiting func()) (unlock func(), err error) {
	said := false
	for {
		dir, err := openState(l, create)
		if create && errors.Is(err, ErrNotFound) {
			continue // another process removed it just now
		}
		if err != nil {
			return nil, err
		}
		err = syscall.Flock(int(dir.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil && sameFolder(dir, l.dir) {
			return func() { dir.Close() }, nil
		}
		dir.Close()
		switch {
		case err == nil: // locked a folder that has been removed
			continue
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			return nil, fmt.Errorf("lock state folder: %w", err)
		case !said:
			said = true
			waiting()
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for another lab command on cluster %s: %w", l.name, context.Cause(ctx))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// openState opens the state folder, which is made if create is set. It is ErrNotFound if it is not there.
func openState(l layout, create bool) (*os.File, error) {
	if create {
		if err := os.MkdirAll(l.dir, 0o755); err != nil {
			return nil, fmt.Errorf("create state folder: %w", err)
		}
	}
	dir, err := os.Open(l.dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, l.name)
	}
	if err != nil {
		return nil, fmt.Errorf("open state folder: %w", err)
	}
	return dir, nil
}

// sameFolder says whether the open folder is still the one at the path.
func sameFolder(open *os.File, path string) bool {
	a, err := open.Stat()
	if err != nil {
		return false
	}
	b, err := os.Stat(path)
	return err == nil && os.SameFile(a, b)
}
