//go:build !unix

package mend

import "os"

// lock does nothing where files have no advisory locks: there, only one gatemend at a time may use a
// journal.
func lock(*os.File) error { return nil }
