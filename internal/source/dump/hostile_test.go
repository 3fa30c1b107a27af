package dump

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/gatemend/gatemend/internal/snapshot"
)

func zstded(t testing.TB, text string) string {
	t.Helper()
	var out bytes.Buffer
	z, err := zstd.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// again reads a text many times, between a beginning and an end, so that it is nowhere as a whole.
func again(begin, text string, n int, end string) io.Reader {
	parts := []io.Reader{strings.NewReader(begin)}
	const chunk = 1000
	for range n / chunk {
		parts = append(parts, strings.NewReader(strings.Repeat(text, chunk)))
	}
	return io.MultiReader(append(parts, strings.NewReader(end))...)
}

// object is one in JSON, with more of its metadata and what comes behind that.
func object(apiVersion, kind, name, meta, more string) string {
	quoted, err := json.Marshal(name)
	if err != nil {
		panic(err) // a string always has a JSON form
	}
	return fmt.Sprintf(`{"apiVersion":%q,"kind":%q,"metadata":{"name":%s,"namespace":"shop"%s}%s}`, apiVersion, kind, quoted, meta, more)
}

// TestHostile reads what a dump may hold that nobody wants in one. Each is read as far as it makes sense, and what is
// not taken as it stands is noted.
func TestHostile(t *testing.T) {
	service := object("v1", "Service", "cart", "", "")
	for name, tc := range map[string]struct {
		in    func() io.Reader
		kind  snapshot.Kind
		names []string
		notes []string // a part of each
	}{
		"a million items": {
			in: func() io.Reader {
				return again(`{"apiVersion":"v1","kind":"List","items":[`+service, ","+service, 1_000_000, "]}")
			},
			kind: snapshot.Services, names: []string{"cart"},
		},
		"a million values in one object": {
			in: func() io.Reader {
				return again(`{"apiVersion":"v1","kind":"Service","metadata":{"name":"cart","namespace":"shop","finalizers":["x"`, `,"x"`, 1_000_000, `]}}`)
			},
			kind: snapshot.Services, names: []string{"cart"},
		},
		"annotations of 10 MB": {
			in: func() io.Reader {
				return strings.NewReader(object("v1", "Service", "cart", `,"annotations":{"a":"`+strings.Repeat("x", 10<<20)+`"}`, "") + "\n" + object("v1", "Service", "pay", "", ""))
			},
			kind: snapshot.Services, names: []string{"cart", "pay"},
		},
		"names and labels with escapes": {
			in: func() io.Reader {
				return strings.NewReader(object("v1", "Service", "cart\x1b[31m", `,"labels":{"\u001b]0;x\u0007":"\u202e"}`, ""))
			},
			kind: snapshot.Services, names: []string{"cart\x1b[31m"},
		},
		"a name of a million letters": {
			in: func() io.Reader {
				return strings.NewReader(object("v1", "Service", strings.Repeat("x", 1_000_000), "", ""))
			},
			kind: snapshot.Services, names: []string{strings.Repeat("x", 1_000_000)},
		},
		"the same object in two states": {
			in: func() io.Reader {
				return strings.NewReader(object("v1", "Service", "cart", `,"uid":"1","resourceVersion":"7"`, "") + object("v1", "Service", "cart", `,"uid":"1","resourceVersion":"9"`, `,"spec":{"type":"NodePort"}`))
			},
			kind: snapshot.Services, names: []string{"cart"}, notes: []string{"one object occurs in more than one state"},
		},
		"two clusters": {
			in: func() io.Reader {
				return strings.NewReader(strings.ReplaceAll(object("v1", "Namespace", "kube-system", `,"uid":"1"`, "")+object("v1", "Namespace", "kube-system", `,"uid":"2"`, ""), `,"namespace":"shop"`, ""))
			},
			kind: snapshot.Namespaces, names: []string{"kube-system"}, notes: []string{"two clusters", "more than one UID"},
		},
		"unknown versions": {
			in: func() io.Reader {
				return strings.NewReader(object("v9", "Service", "cart", "", "") + "\n" + object("networking.k8s.io/v7", "Ingress", "shop", "", "") + "\n" + service)
			},
			kind: snapshot.Services, names: []string{"cart"}, notes: []string{"unknown API version", "unknown API version"},
		},
		"fields of other types": {
			in: func() io.Reader {
				return strings.NewReader(object("v1", "Service", "cart", "", `,"spec":{"ports":"http"}`) + "\n" + object("v1", "Service", "pay", "", ""))
			},
			kind: snapshot.Services, names: []string{"pay"}, notes: []string{"cannot unmarshal"},
		},
		"zstd": {
			in:   func() io.Reader { return strings.NewReader(zstded(t, service)) },
			kind: snapshot.Services, names: []string{"cart"},
		},
		"zstd that is cut off": {
			in: func() io.Reader {
				packed := zstded(t, service+strings.Repeat(" ", 1<<20))
				return strings.NewReader(packed[:len(packed)-2])
			},
			kind: snapshot.Services, names: []string{"cart"}, notes: []string{"EOF"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Read("-", ReadOptions{Stdin: tc.in(), At: time.Unix(0, 0)})
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for o := range s.AllOf(tc.kind) {
				names = append(names, o.GetName())
			}
			if strings.Join(names, " ") != strings.Join(tc.names, " ") {
				t.Errorf("%s: got %.200q, want %.200q", tc.kind, names, tc.names)
			}
			if len(s.Notes()) != len(tc.notes) {
				t.Fatalf("notes %v, want %q", s.Notes(), tc.notes)
			}
			for i, n := range s.Notes() {
				if !strings.Contains(n.Why, tc.notes[i]) {
					t.Errorf("note %d: %s: %q, want %q", i, n.What, n.Why, tc.notes[i])
				}
			}
		})
	}
}

// TestZstdBomb: what a small file becomes is counted, too.
func TestZstdBomb(t *testing.T) {
	c := newCollector(limits{bytes: 1 << 20, files: 10, depth: 3, whole: 1 << 20})
	err := c.read("x.zst", strings.NewReader(zstded(t, strings.Repeat(" ", 8<<20))), 0)
	if !errors.Is(err, errTooLarge) {
		t.Errorf("got %v, want %v", err, errTooLarge)
	}
	if _, err := c.seal(time.Time{}); !errors.Is(err, ErrNoObjects) {
		t.Errorf("seal: %v", err)
	}
}
