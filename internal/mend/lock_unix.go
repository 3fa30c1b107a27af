//go:build unix

package mend

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lock keeps other processes out of a journal. The kernel lifts the lock with the process, however
// it ends, so that a repair which was killed can be taken up.
func lock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrInUse
	}
	if err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	return nil
}
