package logfile

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy/all"
)

func line(path string, status int) string {
	return fmt.Sprintf(`192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET %s HTTP/1.1" %d 12 "-" "x" 5 0.001 [shop-web-80] [] 10.1.0.5:80 12 0.001 %d id`, path, status, status) + "\n"
}

func zipped(t *testing.T, text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

func pods(name string) (*corev1.Pod, bool) {
	image := map[string]string{"lb-1": "ingress-nginx/controller:v1", "web-1": "shop/web:v1"}[name]
	if image == "" {
		return nil, false
	}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "edge", Name: name},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "controller", Image: image}, {Name: "other", Image: "x"}}},
	}, true
}

func TestReadFolder(t *testing.T) {
	fsys := fstest.MapFS{
		"lb-1_controller.log":             file(line("/a", 200) + "garbage\n" + line("/b", 502)),
		"lb-1_controller.previous.log.gz": {Data: zipped(t, line("/old", 200))},
		"lb-1_other.log":                  file(line("/not-the-gateway", 200)),
		"web-1_controller.log":            file(line("/an-application-that-logs-like-nginx", 200)),
		"unknown-1_proxy.log":             file(line("/c", 503)),
		"gone-1_app.previous.log":         file("starting\npanic: boom\n"),
		"deeper/edge.log":                 file(line("/d", 200)),
		"notes.md":                        file(line("/no-log", 200)),
	}
	signals, report, err := Read(fsys, ".", Options{Pod: pods, Label: "logs"})
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	for _, s := range signals {
		seen = append(seen, fmt.Sprint(s.Source, " ", s.Gateway.Name, " ", s.Request.Path, " ", s.Status))
	}
	want := []string{
		"logs/deeper/edge.log:1  /d 200",
		"logs/lb-1_controller.log:1 lb-1 /a 200",
		"logs/lb-1_controller.log:3 lb-1 /b 502",
		"logs/lb-1_controller.previous.log.gz:1 lb-1 /old 200",
		"logs/unknown-1_proxy.log:1  /c 503",
	}
	if d := cmp.Diff(want, seen); d != "" {
		t.Errorf("signals (-want +got)\n%s", d)
	}
	if d := cmp.Diff([]Malformed{{Source: "logs/lb-1_controller.log:2", Text: "garbage"}}, report.Malformed); d != "" {
		t.Errorf("malformed (-want +got)\n%s", d)
	}
	excerpts := map[string]model.LogExcerpt{}
	for _, e := range report.Excerpts {
		excerpts[fmt.Sprint(e.Pod, " ", e.Container)] = e
	}
	gone := excerpts["Pod gone-1 app"]
	if len(excerpts) != 3 || !gone.Previous || !cmp.Equal(gone.Lines, []string{"starting", "panic: boom"}) {
		t.Errorf("excerpts %+v", report.Excerpts)
	}
	for _, f := range report.Files {
		if f.Name == "logs/lb-1_controller.log" {
			want := File{Name: f.Name, Pod: "lb-1", Container: "controller", Proxy: "nginx", Bytes: f.Bytes, Lines: 3, Requests: 2, Malformed: 1}
			if d := cmp.Diff(want, f); d != "" {
				t.Errorf("file (-want +got)\n%s", d)
			}
		}
	}
}

func TestLastLine(t *testing.T) {
	whole := strings.TrimSuffix(line("/b", 200), "\n")
	for name, test := range map[string]struct {
		text                string
		requests, malformed int
		truncated           bool
	}{
		"whole, without an end": {line("/a", 200) + whole, 2, 0, true},
		"cut":                   {line("/a", 200) + whole[:60], 1, 0, true},
		"with an end, but bad":  {line("/a", 200) + whole[:60] + "\n", 1, 1, false},
		"a hole before it":      {strings.Repeat("\x00", 2*maxLine) + line("/a", 200), 1, 0, false},
		"a mark before it":      {"\uFEFF" + line("/a", 200), 1, 0, false},
		"CRLF":                  {strings.ReplaceAll(line("/a", 200), "\n", "\r\n"), 1, 0, false},
	} {
		signals, report, err := Read(fstest.MapFS{"x.log": file(test.text)}, "x.log", Options{})
		if err != nil {
			t.Fatal(err)
		}
		f := report.Files[0]
		if len(signals) != test.requests || f.Malformed != test.malformed || f.Truncated != test.truncated {
			t.Errorf("%s: %d requests, %+v", name, len(signals), f)
		}
	}
}

func TestBrokenFiles(t *testing.T) {
	z := zipped(t, strings.Repeat(line("/a", 200), 20000))
	signals, report, err := Read(fstest.MapFS{"a.log.gz": {Data: z[:len(z)/2]}, "b.log.gz": {Data: []byte{0x1f, 0x8b, 0}}, "empty.log": file("")}, ".", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(signals) == 0 || report.Files[0].Error == "" || !report.Files[0].Truncated || report.Files[1].Error == "" {
		t.Errorf("%d signals, files %+v", len(signals), report.Files)
	}
	if f := report.Files[2]; f.Error != "" || f.Lines != 0 || f.Truncated {
		t.Errorf("the empty file: %+v", f)
	}
	if _, _, err := Read(fstest.MapFS{"a.md": file("x")}, ".", Options{}); !errors.Is(err, ErrNoLogs) {
		t.Errorf("got %v, want ErrNoLogs", err)
	}
	if _, _, err := Read(fstest.MapFS{}, "nope.log", Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want not exist", err)
	}
}

// Lines wrapped by the container runtime are the same lines, also those that it split.
func TestUnwraps(t *testing.T) {
	a := strings.TrimSuffix(line("/a", 200), "\n")
	for name, text := range map[string]string{
		"CRI":                  "2026-05-04T08:30:15.1Z stdout P " + a[:50] + "\n2026-05-04T08:30:15.1Z stderr F 2026/05/04 08:30:15 [notice] 1#1: reload\n2026-05-04T08:30:15.1Z stdout F " + a[50:] + "\n",
		"Docker":               fmt.Sprintf("{\"log\":%q,\"stream\":\"stdout\",\"time\":\"2026-05-04T08:30:15Z\"}\n{\"log\":%q,\"stream\":\"stdout\",\"time\":\"2026-05-04T08:30:15Z\"}\n", a[:50], a[50:]+"\n"),
		"kubectl --timestamps": "2026-05-04T08:30:15.120000000Z " + a + "\n2026-05-04T10:30:15.200000000+02:00 2026/05/04 08:30:15 [notice] 1#1: reload\n",
		"kubectl --prefix":     "[pod/lb-1/controller] " + a + "\n[pod/lb-1/controller] 2026/05/04 08:30:15 [notice] 1#1: reload\n",
		"kubectl with both":    "[pod/lb-1/controller] 2026-05-04T08:30:15.120000000Z " + a + "\n",
	} {
		signals, report, err := Read(fstest.MapFS{"x.log": file(text)}, "x.log", Options{})
		if err != nil || len(signals) != 1 || signals[0].Request.Path != "/a" || report.Files[0].Malformed != 0 {
			t.Errorf("%s: %v, %d signals, %+v", name, err, len(signals), report)
		}
	}
}

// What kubectl logs --prefix prints of several containers are as many logs, each read for what its container is.
func TestOneFileOfSeveralContainers(t *testing.T) {
	text := "[pod/web-1/controller] " + line("/an-application-that-logs-like-nginx", 200) +
		"[pod/lb-1/controller] " + line("/a", 502) +
		"[pod/web-1/other] 2026-05-04T08:30:15.120000000Z panic: boom\n" +
		"[pod/lb-1/controller] " + line("/b", 502) +
		"[some/thing] else\n"
	signals, report, err := Read(fstest.MapFS{"all.log": file(text)}, "all.log", Options{Pod: pods})
	if err != nil || len(signals) != 2 || signals[0].Source != "all.log:2" || signals[1].Source != "all.log:4" || signals[0].Gateway.Name != "lb-1" {
		t.Fatalf("%v, signals %+v", err, signals)
	}
	got := map[string][]string{}
	for _, e := range report.Excerpts {
		got[e.Pod.Name+"/"+e.Container] = e.Lines
	}
	want := map[string][]string{
		"web-1/controller": {strings.TrimSuffix(line("/an-application-that-logs-like-nginx", 200), "\n")},
		"web-1/other":      {"panic: boom"},
		"/":                {"[some/thing] else"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("excerpts (-want +got):\n%s", diff)
	}
}

// A line's own time that looks like a stamp of kubectl's is the line's.
func TestOwnTimesStay(t *testing.T) {
	for _, text := range []string{"2026-05-04T08:30:15Z INF ready", "2026-05-04T08:30:15.123456Z\tinfo\tready", "2026-05-04T08:30:15.123456789 ready", "[pod/x] ready"} {
		_, report, err := Read(fstest.MapFS{"a_b.log": file(text + "\n")}, ".", Options{})
		if err != nil || len(report.Excerpts) != 1 || !cmp.Equal(report.Excerpts[0].Lines, []string{text}) {
			t.Errorf("%q: %v, excerpts %+v", text, err, report.Excerpts)
		}
	}
}

func TestKeepsTheTailOnly(t *testing.T) {
	var text strings.Builder
	for i := range 1000 {
		fmt.Fprintln(&text, "line", i)
	}
	_, report, err := Read(fstest.MapFS{"a_b.log": file(text.String())}, ".", Options{Tail: 3})
	if err != nil || len(report.Excerpts) != 1 || !cmp.Equal(report.Excerpts[0].Lines, []string{"line 997", "line 998", "line 999"}) {
		t.Errorf("%v, excerpts %+v", err, report.Excerpts)
	}
}

func TestEndlessLine(t *testing.T) {
	text := strings.Repeat("x", 3*maxLine) + "\n" + line("/a", 200)
	var n int
	report := ReadStream(strings.NewReader(text), "stdin", Options{}, func(model.Signal) { n++ })
	if f := report.Files[0]; n != 1 || f.Lines != 2 || f.Malformed != 1 || f.Bytes != int64(len(text)) {
		t.Errorf("%d signals, %+v", n, f)
	}
}

// What a runtime got a line at is its time where it has none of its own, or one of an unknown zone, as nginx's error log has.
func TestTimesOfTheRuntime(t *testing.T) {
	formats, err := all.ParseFormats([]string{`nginx:$remote_addr "$request" $status`})
	if err != nil {
		t.Fatal(err)
	}
	text := "2026-05-04T08:30:15.120000000Z stdout F 192.0.2.1 \"GET /a HTTP/1.1\" 502\n" +
		"2026-05-04T08:30:16.120000000Z stderr F 2026/05/04 10:30:16 [error] 1#1: *1 connect() failed (111: Connection refused) while connecting to upstream, " +
		`client: 192.0.2.1, server: a, request: "GET /a HTTP/1.1", upstream: "http://10.1.0.5:80/a", host: "a"` + "\n"
	signals, _, err := Read(fstest.MapFS{"x.log": file(text)}, "x.log", Options{Formats: formats})
	if err != nil || len(signals) != 2 {
		t.Fatalf("%v, signals %+v", err, signals)
	}
	for i, want := range []string{"2026-05-04T08:30:15.12Z", "2026-05-04T08:30:16.12Z"} {
		if got := signals[i].At.UTC().Format(time.RFC3339Nano); got != want {
			t.Errorf("line %d is of %s, want %s", i+1, got, want)
		}
	}
}

// What would only be taken for a strange log is named.
func TestNoLogs(t *testing.T) {
	tar := "access.log" + strings.Repeat("\x00", 247) + "ustar\x00" + strings.Repeat("\x00", 249) + line("/a", 502)
	for text, want := range map[string]string{
		tar:                       "a tar archive",
		string(zipped(t, tar)):    "a tar archive",
		"\xff\xfe1\x009\x002\x00": "UTF-16",
		"BZh91AY":                 "bzip2",
		"\xfd7zXZ\x00":            "xz",
		"PK\x03\x04":              "zip",
	} {
		_, report, err := Read(fstest.MapFS{"x.log": file(text)}, "x.log", Options{})
		if err != nil || len(report.Files) != 1 || !strings.Contains(report.Files[0].Error, want) {
			t.Errorf("%s: %v, %+v", want, err, report.Files)
		}
	}
}
