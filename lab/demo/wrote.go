package demo

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/gatemend/gatemend/internal/testkit/audit"
	"github.com/gatemend/gatemend/lab/manifest"
)

// auditLog is the file in which the API server notes who asked it for what: what gatemend did is read there, and not
// taken from its own record.
type auditLog string

// end is where the log ends now.
func (l auditLog) end() (int64, error) {
	info, err := os.Stat(string(l))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("the cluster's API server writes no audit log: remove the cluster with `lab down` and let it be made anew: %w", err)
	}
	if err != nil {
		return 0, fmt.Errorf("read the API server's audit log: %w", err)
	}
	return info.Size(), nil
}

// wrote lists what gatemend has changed since the log ended at a place, such as "patch deployments shop/api". What the
// API server only tried is no change.
func (l auditLog) wrote(since int64) (changes []string, err error) {
	f, err := os.Open(string(l))
	if err != nil {
		return nil, fmt.Errorf("read the API server's audit log: %w", err)
	}
	defer f.Close()
	if end, err := f.Seek(0, io.SeekEnd); err != nil || end < since {
		since = 0 // a new file was begun meanwhile
	}
	if _, err := f.Seek(since, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read the API server's audit log: %w", err)
	}
	entries, err := audit.Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l, err)
	}
	for _, e := range entries {
		if e.User == manifest.User && e.Writes() {
			changes = append(changes, e.Verb+" "+e.Object.String())
		}
	}
	return changes, nil
}
