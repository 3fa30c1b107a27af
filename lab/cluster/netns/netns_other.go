//go:build !linux

package netns

import "errors"

// ErrUnsupported says that this system has no network namespaces.
var ErrUnsupported = errors.New("network namespaces need Linux")

// Do is not possible here.
func Do(string, func() error) error { return ErrUnsupported }

// Create is not possible here.
func Create(string) error { return ErrUnsupported }

// Exists is not possible here.
func Exists(string) (bool, error) { return false, ErrUnsupported }

// Delete is not possible here.
func Delete(string) error { return ErrUnsupported }

// ID is not possible here.
func ID(string) (uint64, error) { return 0, ErrUnsupported }
