package dump

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func targz(t testing.TB, files map[string]string) string {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		h := &tar.Header{Name: name, Mode: 0o600, Size: int64(len(files[name]))}
		if strings.HasPrefix(name, "link") {
			h = &tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := w.Write([]byte(files[name])); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func zipped(t testing.TB, files map[string]string) string {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(files[name])); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func gzipped(t testing.TB, text string) string {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestReadArchives(t *testing.T) {
	files := map[string]string{"../../shop/service.yaml": cartService, "pods/web.yaml": webPod, "pods/web.log": "x: [", "__MACOSX/._a.yaml": "\x00", "link.yaml": webPod}
	inZip := map[string]string{"shop/service.yaml": cartService, "pods/": "", "pods/web.yaml": webPod, "pods/web.log": "x: ["}
	want := []string{"Service shop/cart", "Pod shop/web-1"}
	for name, text := range map[string]string{
		"tar.gz": targz(t, files),
		"zip":    zipped(t, inZip),
		"zip in tar.gz": targz(t, map[string]string{
			"dump.zip": zipped(t, inZip),
		}),
		"gzip": gzipped(t, cartService+"---\n"+webPod),
	} {
		t.Run(name, func(t *testing.T) {
			// The name says nothing: formats are known by their content.
			s, err := Read("-", ReadOptions{Stdin: strings.NewReader(text)})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, names(s)); diff != "" {
				t.Errorf("objects (-want +got):\n%s", diff)
			}
			if len(s.Notes()) != 0 {
				t.Errorf("notes %v, want none", s.Notes())
			}
		})
	}
}

func TestBombs(t *testing.T) {
	many := map[string]string{}
	for _, c := range "abcdefghijklmnop" {
		many[string(c)+".yaml"] = cartService
	}
	nested := cartService
	for range 6 {
		nested = gzipped(t, nested)
	}
	for name, tc := range map[string]struct {
		text string
		want error
		note string
	}{
		"too much":     {gzipped(t, strings.Repeat("#\n", 1<<20)), errTooLarge, ""},
		"too many":     {targz(t, many), errTooLarge, ""},
		"too deep":     {nested, nil, "is not unpacked"},
		"many aliases": {"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f,*f]\n", nil, "excessive aliasing"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCollector(limits{bytes: 1 << 20, files: 10, depth: 3})
			err := c.read("x", strings.NewReader(tc.text), 0)
			c.pipe.end()
			if !errors.Is(err, tc.want) {
				t.Fatalf("got %v, want %v", err, tc.want)
			}
			if tc.note != "" && (len(c.notes) != 1 || !strings.Contains(c.notes[0].Why, tc.note)) {
				t.Errorf("notes %v, want one about %q", c.notes, tc.note)
			}
		})
	}
}
