package app

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

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

// A log of errors beside one of requests is read first, so that its lines find their requests.
func TestErrorsFirst(t *testing.T) {
	got := errorsFirst([][]string{{"a/access.log"}, {"b/x.log"}, {"a/error.log"}, {"c/error.log"}, {"b/error.log.1", "b/error.log"}})
	want := [][]string{{"a/error.log"}, {"a/access.log"}, {"b/error.log.1", "b/error.log"}, {"b/x.log"}, {"c/error.log"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// Whoever writes a log goes on in the old file for a while after a rotation made the new one: nothing of either is lost, nor of one that is
// rotated away again before its turn comes.
func TestTailAcrossRotations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		name := filepath.Join(dir, "access.log")
		open := func() *os.File {
			t.Helper()
			f, err := os.Create(name)
			if err != nil {
				t.Fatal(err)
			}
			return f
		}
		var want []string
		write := func(f *os.File) {
			t.Helper()
			line := fmt.Sprint("line ", len(want))
			want = append(want, line)
			if _, err := fmt.Fprintln(f, line); err != nil {
				t.Fatal(err)
			}
		}
		rotate := func(n int) *os.File {
			t.Helper()
			if err := os.Rename(name, fmt.Sprintf("%s.%d", name, n)); err != nil {
				t.Fatal(err)
			}
			return open()
		}
		ctx, stop := context.WithCancel(t.Context())
		first := open()
		write(first)
		log, err := openTail(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		done := make(chan struct{})
		go func() {
			defer close(done)
			for lines := bufio.NewScanner(log); lines.Scan(); {
				got = append(got, lines.Text())
			}
		}()
		time.Sleep(time.Second)
		second := rotate(1)
		time.Sleep(300 * time.Millisecond)
		write(first) // nobody has told it yet
		time.Sleep(10 * time.Second)
		write(first)
		time.Sleep(300 * time.Millisecond)
		write(second)
		time.Sleep(200 * time.Millisecond)
		third := rotate(2)
		write(third)
		time.Sleep(2 * time.Second)
		if err := third.Truncate(0); err != nil {
			t.Fatal(err)
		}
		if _, err := third.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		write(third)
		time.Sleep(2 * time.Second)
		// Emptied, and longer than before at once.
		if err := third.Truncate(0); err != nil {
			t.Fatal(err)
		}
		if _, err := third.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		write(third)
		write(third)
		write(third)
		time.Sleep(2 * time.Second)
		if err := third.Truncate(0); err != nil { // and written on at the old place, after zeros
			t.Fatal(err)
		}
		write(third)
		time.Sleep(2 * time.Second)
		stop()
		<-done
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("(-written +read)\n%s", d)
		}
		for _, f := range []io.Closer{first, second, third, log} {
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}
