package dump

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

const (
	cartService = `apiVersion: v1
kind: Service
metadata:
  name: cart
  namespace: shop
spec:
  selector:
    app: cart
`
	webPod = `apiVersion: v1
kind: Pod
metadata:
  name: web-1
  namespace: shop
`
	otherPod = `apiVersion: v1
kind: Pod
metadata:
  name: web-1
  namespace: other
`
)

// listOf makes a list as kubectl prints it; pad stands in front of every item.
func listOf(pad string, objects ...string) string {
	var b strings.Builder
	b.WriteString("apiVersion: v1\nitems:\n")
	for _, o := range objects {
		for i, line := range strings.Split(strings.TrimSuffix(o, "\n"), "\n") {
			if i == 0 {
				b.WriteString(pad + "- " + line + "\n")
				continue
			}
			b.WriteString(pad + "  " + line + "\n")
		}
	}
	b.WriteString("kind: List\nmetadata:\n  resourceVersion: \"\"\n")
	return b.String()
}

func read(t *testing.T, files map[string]string) *snapshot.Snapshot {
	t.Helper()
	s, err := readAll(files)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func readAll(files map[string]string) (*snapshot.Snapshot, error) {
	m := fstest.MapFS{}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return readFS(m, ReadOptions{})
}

// names lists the objects that have a kind of their own.
func names(s *snapshot.Snapshot) []string {
	var all []string
	for _, k := range snapshot.Kinds() {
		for o := range s.AllOf(k) {
			all = append(all, fmt.Sprintf("%s %s/%s", k, o.GetNamespace(), o.GetName()))
		}
	}
	return all
}

func TestReadForms(t *testing.T) {
	both := []string{"Service shop/cart", "Pod shop/web-1"}
	const jsonService = `{"apiVersion":"v1","kind":"Service","metadata":{"name":"cart","namespace":"shop"}}`
	const jsonPod = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web-1","namespace":"shop"}}`
	for name, tc := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"one object":                     {map[string]string{"a.yaml": cartService}, both[:1]},
		"several documents":              {map[string]string{"a.yaml": "---\n# comment\n---\n" + cartService + "---\n" + webPod + "...\n"}, both},
		"a document on the dashes' line": {map[string]string{"a.yaml": "--- " + jsonService + "\n--- " + jsonPod}, both},
		"a list":                         {map[string]string{"a.yaml": listOf("", cartService, webPod)}, both},
		"an indented list":               {map[string]string{"a.yaml": listOf("  ", cartService, webPod)}, both},
		"two lists in one file":          {map[string]string{"a.yaml": listOf("", cartService) + "---\n" + listOf("  ", webPod)}, both},
		"a list as JSON":                 {map[string]string{"a.json": `{"apiVersion":"v1","items":[` + jsonService + `,` + jsonPod + `],"kind":"List","metadata":{"resourceVersion":""},"more":[{}]}`}, both},
		"JSON, one after another":        {map[string]string{"a.json": jsonService + "\n" + jsonPod}, both},
		"a typed list, items without kind": {map[string]string{
			"a.json": `{"kind":"ServiceList","apiVersion":"v1","metadata":{},"items":[{"metadata":{"name":"cart","namespace":"shop"}}]}`,
			"b.yaml": "apiVersion: v1\nkind: PodList\nitems:\n- metadata:\n    name: web-1\n    namespace: shop\n",
		}, both},
		"a list in flow style":          {map[string]string{"a.yaml": "apiVersion: v1\nkind: List\nitems: [" + jsonService + ", " + jsonPod + "]\n"}, both},
		"an empty list":                 {map[string]string{"a.yaml": "apiVersion: v1\nkind: List\nitems: []\n", "b.yaml": cartService}, both[:1]},
		"a folder with other files":     {map[string]string{"b/a.yaml": cartService, "c/d/e.json": jsonPod, "README.md": "# x", "x.log": "{", "n.txt": "- [", ".git/x.yaml": "{", ".DS_Store": "\x00"}, both},
		"Windows line ends":             {map[string]string{"a.yaml": strings.ReplaceAll(listOf("", cartService, webPod), "\n", "\r\n")}, both},
		"a byte order mark":             {map[string]string{"a.yaml": "\xef\xbb\xbf" + cartService}, both[:1]},
		"UTF-16 of PowerShell":          {map[string]string{"a.yaml": utf16le(listOf("", cartService, webPod))}, both},
		"dashes inside of a scalar":     {map[string]string{"a.yaml": listOf("", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\n  namespace: shop\ndata:\n  x: |\n    ---\n    - a\n    items:\n    - b\n", cartService)}, []string{"Service shop/cart", "ConfigMap shop/c"}},
		"the last line has no end":      {map[string]string{"a.yaml": strings.TrimSuffix(cartService, "\n")}, both[:1]},
		"the later of two wins":         {map[string]string{"a.yaml": cartService, "b.yaml": cartService}, both[:1]},
		"a bare array":                  {map[string]string{"a.json": "[" + jsonService + ",\n" + jsonPod + "]"}, both},
		"lists in a list":               {map[string]string{"a.json": `{"kind":"List","apiVersion":"v1","items":[{"kind":"ServiceList","apiVersion":"v1","items":[{"metadata":{"name":"cart","namespace":"shop"}}]},{"kind":"List","apiVersion":"v1","items":[` + jsonPod + `]}]}`}, both},
		"a typed list, kind at its end": {map[string]string{"a.json": `{"apiVersion":"v1","items":[{"metadata":{"name":"cart","namespace":"shop"}}],"kind":"ServiceList"}`}, both[:1]},
		"what cluster-info dump prints": {map[string]string{"out": `{"kind":"ServiceList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[{"metadata":{"name":"cart","namespace":"shop"}}]}` + "\n" +
			"==== START logs for container app of pod shop/web-1 ====\n{\"level\":\"info\"}\n[1] x\n---\n==== END logs for container app of pod shop/web-1 ====\n" + jsonPod + "\n"}, both},
		"an object with items": {map[string]string{"a.yaml": "apiVersion: example.com/v1\nkind: Basket\nmetadata:\n  name: b\nitems:\n- x\n- y\n"}, []string{"Other /b"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := read(t, tc.files)
			if diff := cmp.Diff(tc.want, names(s)); diff != "" {
				t.Errorf("objects (-want +got):\n%s", diff)
			}
			if len(s.Notes()) != 0 {
				t.Errorf("notes %v, want none", s.Notes())
			}
		})
	}
}

func utf16le(text string) string {
	b := []byte{0xff, 0xfe}
	for _, r := range text {
		b = append(b, byte(r), byte(r>>8))
	}
	return string(b)
}

func TestReadDamage(t *testing.T) {
	list := listOf("", cartService, webPod, otherPod)
	for name, tc := range map[string]struct {
		files map[string]string
		want  []string
		notes []model.Unseen
	}{
		"cut in the middle of an item": {
			map[string]string{"shop.yaml": list[:strings.LastIndex(list, "name: web-1")-2]},
			[]string{"Service shop/cart", "Pod shop/web-1"},
			[]model.Unseen{
				{What: "shop.yaml:1", Why: "the list has no kind, which stands at its end: the rest of the file is missing"},
				{What: "shop.yaml:16", Why: "a Pod without a name"},
			},
		},
		"cut in the middle of a value": {
			map[string]string{"shop.json": `{"apiVersion":"v1","items":[` + "\n" + `{"apiVersion":"v1","kind":"Service","metadata":{"name":"cart","namespace":"shop"}},` + "\n" + `{"apiVersion":"v1","ki`},
			[]string{"Service shop/cart"},
			[]model.Unseen{{What: "shop.json:3", Why: "the file ends in the middle of an object"}},
		},
		"a bad item among good ones": {
			map[string]string{"shop.yaml": listOf("", cartService, "apiVersion: v1\nkind: Pod\nmetadata:\n  name: [x\n  namespace: shop\n", webPod)},
			[]string{"Service shop/cart", "Pod shop/web-1"},
			[]model.Unseen{{What: "shop.yaml:14", Why: "did not find expected ',' or ']'"}},
		},
		"a type that does not fit": {
			map[string]string{"shop.yaml": cartService + "---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: x\nspec: 7\n"},
			[]string{"Service shop/cart"},
			[]model.Unseen{{What: "shop.yaml:9", Why: "decode Pod: json: cannot unmarshal number into Go struct field Pod.spec of type v1.PodSpec"}},
		},
		"an API version that is gone": {
			map[string]string{"shop.yaml": cartService + "---\napiVersion: extensions/v1beta1\nkind: Ingress\nmetadata:\n  name: x\n---\napiVersion: networking.k8s.io/v1alpha9\nkind: Ingress\nmetadata:\n  name: z\n"},
			[]string{"Ingress /x", "Service shop/cart"},
			[]model.Unseen{{What: "shop.yaml:14", Why: `decode Ingress: unknown API version "networking.k8s.io/v1alpha9" (known: [v1])`}},
		},
		"two states of an object": {
			map[string]string{"a.yaml": cartService + "---\n" + strings.Replace(cartService, "name: cart\n", "name: cart\n  resourceVersion: \"9\"\n", 1) + "---\n" + strings.Replace(cartService, "name: cart\n", "name: cart\n  resourceVersion: \"10\"\n", 1)},
			[]string{"Service shop/cart"},
			[]model.Unseen{{What: "Service", Why: "2 objects occur in more than one state, the newest is used: Service shop/cart at a.yaml:9"}},
		},
		"two clusters": {
			map[string]string{"a.yaml": "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: kube-system\n  uid: a\n", "b.yaml": cartService + "---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: kube-system\n  uid: b\n"},
			[]string{"Service shop/cart", "Namespace /kube-system"},
			[]model.Unseen{
				{What: "the dump", Why: "it mixes objects of two clusters, of which nothing can be told apart: namespace kube-system has UID a, and UID b at b.yaml:9"},
				{What: "Namespace", Why: "one object occurs with more than one UID, as if made anew or of another cluster, the newest is used: Namespace kube-system at b.yaml:9"},
			},
		},
		"text between JSON": {
			map[string]string{"a.json": `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"a"}}` + "\nwarning: deprecated\n" + `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"b"}}` + "\n" + `{"apiVersion":"v1","kind":"Na`},
			[]string{"Namespace /a", "Namespace /b"},
			[]model.Unseen{{What: "a.json:2", Why: "not a Kubernetes object: it begins with warning"}, {What: "a.json:4", Why: "the file ends in the middle of an object"}},
		},
		"JSON between dashes": {
			map[string]string{"a.yaml": `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"a"}}` + "\n---\n" + `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"b"}}` + "\n--- \n"},
			[]string{"Namespace /a", "Namespace /b"},
			nil,
		},
		"a bad item among good ones of JSON": {
			map[string]string{"a.json": `{"kind":"List","apiVersion":"v1","items":[` + "\n" + `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"a"}},` + "\n" + `{"apiVersion":"v1","kind":"Pod",,},` + "\n" + `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"b"}}]}`},
			[]string{"Namespace /a", "Namespace /b"},
			[]model.Unseen{{What: "a.json:3", Why: "decode Pod: invalid character ',' looking for beginning of object key string"}},
		},
		"an error message instead of objects": {
			map[string]string{"shop.yaml": cartService, "nodes.yaml": "Error from server (Forbidden): nodes is forbidden\n", "s.json": `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"pods is forbidden"}`},
			[]string{"Service shop/cart"},
			[]model.Unseen{{What: "nodes.yaml:1", Why: "not a Kubernetes object: it has no kind or no apiVersion"}, {What: "s.json:1", Why: "an error of the API server instead of objects: pods is forbidden"}},
		},
		"not text": {
			map[string]string{"shop.yaml": cartService, "logo.png": "\x89PNG\x00"},
			[]string{"Service shop/cart"},
			[]model.Unseen{{What: "logo.png", Why: "not text"}},
		},
		"half an archive": {
			map[string]string{"shop.yaml": cartService, "a.tgz": targz(t, map[string]string{"x.yaml": webPod})[:60]},
			[]string{"Service shop/cart"},
			[]model.Unseen{{What: "a.tgz", Why: "unexpected EOF"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := read(t, tc.files)
			if diff := cmp.Diff(tc.want, names(s)); diff != "" {
				t.Errorf("objects (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.notes, s.Notes()); diff != "" {
				t.Errorf("notes (-want +got):\n%s", diff)
			}
		})
	}
}

// TestReadCutAnywhere cuts a list at every byte: what was whole before the cut must be read, and
// it must be known that something is missing, even where the cut is at the end of an object.
func TestReadCutAnywhere(t *testing.T) {
	list := listOf("", cartService, webPod, otherPod)
	tried := 0
	for n := range strings.LastIndex(list, "List") + len("List") {
		s, err := readAll(map[string]string{"a.yaml": list[:n]})
		whole := strings.Count(list[:n], "\n- ") - 1 // the last may be cut
		if whole < 1 {
			continue
		}
		if err != nil {
			t.Fatalf("cut at %d: %v", n, err)
		}
		if got := len(names(s)); got < whole {
			t.Fatalf("cut at %d: %d objects, want at least %d", n, got, whole)
		}
		tried++
		if c, _ := s.Coverage(snapshot.Services); c != snapshot.Partial || len(s.Notes()) == 0 {
			t.Fatalf("cut at %d: coverage %q, notes %v; nobody would know that something is missing", n, c, s.Notes())
		}
	}
	if tried == 0 {
		t.Fatal("nothing was tried")
	}
}

func TestReadNothing(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"an empty folder":   {},
		"an empty file":     {"a.yaml": ""},
		"only comments":     {"a.yaml": "# nothing\n---\n# here\n"},
		"no objects":        {"values.yaml": "replicas: 3\n"},
		"a log by mistake":  {"x.yaml": "2026-01-01 GET / 502\nother: line\n"},
		"one broken object": {"x.yaml": "apiVersion: v1\nkind: [\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := readAll(files); !errors.Is(err, ErrNoObjects) {
				t.Errorf("got %v, want ErrNoObjects", err)
			}
		})
	}
	if _, err := Read(filepath.Join(t.TempDir(), "missing"), ReadOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing path: got %v", err)
	}
	if _, err := Read("-", ReadOptions{}); err == nil {
		t.Error("standard input that is not there was read")
	}
}

func TestReadStdinAndFile(t *testing.T) {
	s, err := Read("-", ReadOptions{Stdin: strings.NewReader(cartService)})
	if err != nil || s.Services().Len() != 1 {
		t.Errorf("-: %v", err)
	}
	// A file that is named is read, whatever its extension says.
	path := filepath.Join(t.TempDir(), "dump.txt")
	if err := os.WriteFile(path, []byte(cartService), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := Read(path, ReadOptions{}); err != nil || s.Services().Len() != 1 {
		t.Errorf("%s: %v", path, err)
	}
}

// TestReadStaysInside: a link in a folder must not lead out of it.
func TestReadStaysInside(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret.yaml")
	if err := os.WriteFile(outside, []byte(webPod), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.yaml"), []byte(cartService), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "b.yaml")); err != nil {
		t.Fatal(err)
	}
	s, err := Read(dir, ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if s.Pods().Len() != 0 || len(s.Notes()) != 1 || s.Notes()[0].What != "b.yaml" {
		t.Errorf("pods %d, notes %v; want the link refused and noted", s.Pods().Len(), s.Notes())
	}
}

func TestTime(t *testing.T) {
	at := time.Date(2026, 4, 18, 6, 8, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		text string
		want time.Time
	}{
		"no time at all": {cartService, at},
		"a heartbeat":    {"apiVersion: v1\nkind: Node\nmetadata:\n  name: node-1\n  creationTimestamp: \"2025-01-01T00:00:00Z\"\nstatus:\n  conditions:\n  - type: Ready\n    lastHeartbeatTime: \"2026-02-03T04:05:06Z\"\n", time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)},
		"an event":       {"apiVersion: events.k8s.io/v1\nkind: Event\nmetadata:\n  name: e\n  namespace: shop\nseries:\n  count: 2\n  lastObservedTime: \"2026-02-03T04:05:06.000000Z\"\n", time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)},
		"a pod that ends later": {"apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n  namespace: shop\n  deletionTimestamp: \"2026-02-03T04:05:36Z\"\n  deletionGracePeriodSeconds: 30\n",
			time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)},
		"the index decides": {"apiVersion: gatemend.dev/v1alpha1\nkind: Dump\nat: \"2026-09-09T09:09:09Z\"\nkinds: []\n---\n" + "apiVersion: v1\nkind: Node\nmetadata:\n  name: node-1\n  creationTimestamp: \"2027-01-01T00:00:00Z\"\n", time.Date(2026, 9, 9, 9, 9, 9, 0, time.UTC)},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Read("-", ReadOptions{Stdin: strings.NewReader(tc.text), At: at})
			if err != nil {
				t.Fatal(err)
			}
			if !s.At().Equal(tc.want) {
				t.Errorf("at %v, want %v", s.At(), tc.want)
			}
		})
	}
}
