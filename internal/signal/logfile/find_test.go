package logfile

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// A file that is being compressed is there twice, and read once.
func TestFind(t *testing.T) {
	files := fstest.MapFS{}
	for _, name := range []string{"a/access.log", "a/access.log.1", "a/access.log.1.gz", "a/access.log.2.gz", "b/access.log.1.gz", "b/readme.md"} {
		files[name] = &fstest.MapFile{}
	}
	got, err := Find(files, ".")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"a/access.log", "a/access.log.1", "a/access.log.2.gz", "b/access.log.1.gz"}, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}
