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
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/all"
	"github.com/gatemend/gatemend/internal/tally"
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

// Where lines do not say when they were written, the container runtime does.
func TestCountLinesThatTellNoTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lb.log")
	const log = `2026-03-14T09:00:01.5Z stdout F GET /a 200
2026-03-14T09:00:02.5Z stdout P GET /a
2026-03-14T09:00:03.5Z stdout F  502
{"log":"GET /a 502\n","stream":"stdout","time":"2026-03-14T09:00:09.25Z"}
`
	if err := os.WriteFile(path, []byte(log), 0o600); err != nil {
		t.Fatal(err)
	}
	parser := func() proxy.Parser {
		p, err := all.ParserFor(`nginx:$request_method $request_uri $status`)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	since := time.Date(2026, 3, 14, 9, 0, 2, 0, time.UTC)
	got, err := countLogs(t.Context(), cli.LogCount{Paths: []string{path}, Options: tally.Options{Parser: parser, Since: since}})
	if err != nil {
		t.Fatal(err)
	}
	if got.Requests != 2 || got.Errors != 2 || got.Outside != 1 || got.Undated != 0 || !got.From.Equal(since.Add(1500*time.Millisecond)) || !got.To.Equal(since.Add(7250*time.Millisecond)) {
		t.Errorf("%d requests, %d errors, %d outside, %d undated, from %v to %v", got.Requests, got.Errors, got.Outside, got.Undated, got.From, got.To)
	}
}

// A request that the gateway and the application behind it both log is counted once, where one file holds the lines of both.
func TestCountOneContainerOfAFile(t *testing.T) {
	const line = `198.51.100.7 - - [14/Mar/2026:09:00:00 +0000] "GET /a HTTP/1.1" 200 9 "-" "x" 9 0.004 [shop-web-80] [] 10.1.0.1:80 9 0.004 200 id` + "\n"
	name := filepath.Join(t.TempDir(), "all.log")
	text := "Defaulted container \"controller\" out of: controller, init (init)\n" +
		"[pod/lb-7c9d5b4f86-x2x4z/controller] " + line + "[pod/lb-7c9d5b4f86-abcde/controller] " + line + "[pod/web-0/nginx] " + line + "[pod/web-0/nginx] " + line
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := countLogs(t.Context(), cli.LogCount{Paths: []string{name}})
	if err != nil {
		t.Fatal(err)
	}
	if got.Requests != 2 || got.Bad != 1 {
		t.Errorf("%d requests and %d lines that are not known, want those of the gateway's two pods and kubectl's own words", got.Requests, got.Bad)
	}
	if len(got.Unread) != 1 || !strings.HasPrefix(got.Unread[0].Why, "read up to line 3: lines of web-0/nginx follow") {
		t.Errorf("unread %+v", got.Unread)
	}
}

// Logs of errors beside logs of requests are read first, so that their lines find their requests; folders have nothing to do with each other.
func TestErrorsFirst(t *testing.T) {
	got := errorsFirst([][]string{{"a/access.log"}, {"b/x.log"}, {"a/traefik.log"}, {"c/error.log"}, {"b/error.log.1", "b/error.log"}, {"a/z.log"}},
		func(set []string) bool { return strings.Contains(set[0], "error") || set[0] == "a/traefik.log" })
	want := [][]string{{"a/traefik.log"}, {"a/access.log"}, {"a/z.log"}, {"b/error.log.1", "b/error.log"}, {"b/x.log"}, {"c/error.log"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// Several hosts' folders, each with logs of several sites and their errors: each request has its reason, whatever the files are called, and
// no error is counted beside it.
func TestErrorsOfSeveralSitesAndHosts(t *testing.T) {
	dir := t.TempDir()
	refused := func(second int, path string) string {
		return fmt.Sprintf(`2026/03/14 09:00:%02d [error] 1#1: *7 connect() failed (111: Connection refused) while connecting to upstream, client: 10.0.0.9, server: a, request: "GET %s HTTP/1.1", upstream: "http://10.1.0.1:80%[2]s", host: "a"`+"\n", second, path)
	}
	failed := func(second int, path string) string {
		return fmt.Sprintf(`10.0.0.9 - - [14/Mar/2026:09:00:%02d +0000] "GET %s HTTP/1.1" 502 157 "-" "curl/8"`+"\n", second, path)
	}
	served := strings.Repeat(strings.ReplaceAll(failed(0, "/"), " 502 ", " 200 "), 20)
	for name, text := range map[string]string{
		"web1/shop.access.log":  served + failed(1, "/cart") + failed(9, "/pay"),
		"web1/blog.access.log":  served + failed(2, "/post"),
		"web1/errors.log":       refused(1, "/cart") + refused(2, "/post") + refused(30, "/lost"),
		"web1/pay-problems.log": refused(9, "/pay"),
		"web2/shop.access.log":  served + failed(1, "/cart") + failed(30, "/lost"),
		"web2/shop.error.log.1": refused(1, "/cart"),
		"web2/shop.error.log":   "",
	} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := countLogs(t.Context(), cli.LogCount{Paths: []string{dir}})
	if err != nil {
		t.Fatal(err)
	}
	// Of web1's error at second 30 there is no request in web1, and of web2's request then no error in web2.
	want := map[model.FailureKind]int{model.Refused: 5, model.OtherFailure: 1}
	if d := cmp.Diff(want, got.Failures); d != "" || got.Errors != 6 || got.Requests != 65 {
		t.Errorf("%d of %d requests failed, want 6 of 65; failures (-want +got)\n%s", got.Errors, got.Requests, d)
	}
	for _, s := range got.Samples {
		if s.Failure == model.Refused && len(s.Lines) != 2 && !strings.Contains(s.Lines[0], "/lost") {
			t.Errorf("%+v, want the request's line and the error's", s)
		}
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
