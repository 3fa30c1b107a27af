package mount

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// RemoveBelow unmounts everything at or under dir, the last mount first. What
// is busy is detached: it goes when its last user does.
func RemoveBelow(dir string) error {
	points, err := Below(dir)
	if err != nil {
		return err
	}
	var failed []error
	for _, point := range slices.Backward(points) {
		err := unix.Unmount(point, unix.UMOUNT_NOFOLLOW)
		if errors.Is(err, unix.EBUSY) {
			err = unix.Unmount(point, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		}
		// It may have gone with another mount, or with the process that
		// made it.
		if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
			failed = append(failed, fmt.Errorf("unmount %s: %w", point, err))
		}
	}
	return errors.Join(failed...)
}
