package netns

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Do runs work on a thread inside the namespace of the given file and waits
// for it. Sockets made and processes started by work itself belong to the
// namespace; those of goroutines that work starts do not.
func Do(path string, work func() error) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open network namespace: %w", err)
	}
	defer file.Close()
	done := make(chan error, 1)
	go func() {
		// Never unlocked: the thread ends with the goroutine.
		runtime.LockOSThread()
		if err := unix.Setns(int(file.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("enter network namespace %s: %w", path, err)
			return
		}
		done <- work()
	}()
	return <-done
}

// Create makes a named namespace. It is an error if the name is taken.
func Create(name string) error {
	if err := os.MkdirAll(Folder, 0o755); err != nil {
		return fmt.Errorf("create network namespace: %w", err)
	}
	path := Path(name)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDONLY, 0o444)
	if err != nil {
		return fmt.Errorf("create network namespace: %w", err)
	}
	file.Close()
	done := make(chan error, 1)
	go func() {
		// As in Do: the thread is not handed back.
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("create network namespace %s: %w", name, err)
			return
		}
		self := fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid())
		if err := unix.Mount(self, path, "none", unix.MS_BIND, ""); err != nil {
			done <- fmt.Errorf("mount network namespace %s: %w", name, err)
			return
		}
		done <- nil
	}()
	if err := <-done; err != nil {
		_ = os.Remove(path) // Exists knows a file without a namespace for what it is
		return err
	}
	return nil
}

// Exists says whether the name stands for a namespace. A file that nothing is
// mounted on, as a killed Create leaves, is not one.
func Exists(name string) (bool, error) {
	var fs unix.Statfs_t
	err := unix.Statfs(Path(name), &fs)
	if errors.Is(err, unix.ENOENT) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at network namespace %s: %w", name, err)
	}
	return fs.Type == unix.NSFS_MAGIC, nil
}

// Delete removes a name, however far its creation went. The namespace itself
// goes with its last process. A name that does not exist is no error.
func Delete(name string) error {
	path := Path(name)
	for {
		// Mounts may have been stacked; EINVAL says that none is left.
		err := unix.Unmount(path, unix.MNT_DETACH)
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) {
			break
		}
		if err != nil {
			return fmt.Errorf("unmount network namespace %s: %w", name, err)
		}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove network namespace %s: %w", name, err)
	}
	return nil
}

// ID tells namespaces apart: the inode number of a namespace's file, as the
// links in /proc/PID/ns have it.
func ID(path string) (uint64, error) {
	var stat unix.Stat_t
	if err := unix.Stat(path, &stat); err != nil {
		return 0, fmt.Errorf("look at network namespace %s: %w", path, err)
	}
	return stat.Ino, nil
}
