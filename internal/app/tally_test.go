package app

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatemend/gatemend/internal/cli"
)

// Of a log that ends in its middle it is told which, and up to where it was read; the others are counted nonetheless.
func TestCountTellsWhereALogEnded(t *testing.T) {
	const line = `198.51.100.7 - - [14/Mar/2026:09:00:00 +0000] "GET /a HTTP/1.1" 200 9 "-" "x" 9 0.004 [shop-web-80] [] 10.1.0.1:80 9 0.004 200 id` + "\n"
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	for range 50_000 {
		if _, err := io.WriteString(z, line); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	cut, whole := write("cut.gz", zipped.Bytes()[:zipped.Len()-40]), write("whole.log", []byte(line+"what is this\n"))
	got, err := countLogs(t.Context(), cli.LogCount{Paths: []string{cut, whole}})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Unread) != 1 || got.Unread[0].What != "log "+cut || !strings.HasPrefix(got.Unread[0].Why, "read up to line ") || !strings.HasSuffix(got.Unread[0].Why, ": unexpected EOF") {
		t.Errorf("unread %+v", got.Unread)
	}
	if len(got.BadLines) != 1 || got.BadLines[0].Source != whole+":2" {
		t.Errorf("bad lines %+v, want line 2 of the second log", got.BadLines)
	}
}
