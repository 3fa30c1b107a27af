//go:build !linux

package mount

import "errors"

// RemoveBelow is not possible here.
func RemoveBelow(string) error { return errors.New("removing mounts needs Linux") }
