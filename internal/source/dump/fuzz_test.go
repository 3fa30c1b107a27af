package dump

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

// FuzzRead: whatever stands in a file, nothing panics, the same is read each time, and places are inside of
// the file.
func FuzzRead(f *testing.F) {
	f.Add([]byte(listOf("", cartService, webPod)))
	f.Add([]byte(listOf("  ", cartService) + "---\n{\"kind\": \"PodList\", \"items\": [{}]"))
	f.Add([]byte("items:\n-\n - \n"))
	f.Add([]byte("\xff\xfei\x00:\x00"))
	files := map[string]string{"a.json": `{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"p","namespace":"n"}}]}`, "b.yaml": cartService}
	for _, text := range []string{
		files["a.json"], "[" + files["a.json"] + "]", files["a.json"] + "\n" + files["a.json"], `{"items":[` + files["a.json"] + `],"kind":"List","apiVersion":"v1"}`,
		"==== START logs for container a of pod n/p ====\nx\n==== END logs for container a of pod n/p ====\n" + files["a.json"],
		"apiVersion: v1\nkind: List\nitems: [" + files["a.json"] + "]\n", gzipped(f, cartService), zstded(f, cartService), zipped(f, files), targz(f, files),
		`{"apiVersion":"extensions/v1beta1","kind":"Ingress","metadata":{"name":"x"},"spec":{"backend":{"serviceName":"a","servicePort":80}}}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c := newCollector(limits{bytes: 1 << 24, files: 10, depth: 3, whole: 1 << 20})
		if err := c.read("x", bytes.NewReader(data), 0); err != nil {
			t.Skip("too large")
		}
		s, err := c.seal(time.Time{})
		if err != nil {
			return
		}
		last := bytes.Count(data, []byte{'\n'}) + 1
		for _, n := range s.Notes() {
			line := 0
			if _, err := fmt.Sscanf(n.What, "x:%d", &line); err == nil && (line < 1 || line > last) {
				t.Fatalf("%s: %s, in a file of %d lines", n.What, n.Why, last)
			}
		}
	})
}

// BenchmarkRead reads a list of 5,000 pods, some 10 MB, as kubectl prints it.
func BenchmarkRead(b *testing.B) {
	pod := func(i int) string {
		var env strings.Builder
		for j := range 30 {
			fmt.Fprintf(&env, "    - name: VARIABLE_%d\n      value: \"some value that says nothing %d\"\n", j, j)
		}
		return fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata:\n  name: pod-%d\n  namespace: ns-%d\nspec:\n  containers:\n  - name: app\n    image: example.com/app:v1\n    env:\n%sstatus:\n  phase: Running\n", i, i%50, env.String())
	}
	pods := make([]string, 5000)
	for i := range pods {
		pods[i] = pod(i)
	}
	text := listOf("", pods...)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		s, err := Read("-", ReadOptions{Stdin: strings.NewReader(text)})
		if err != nil || s.Pods().Len() != len(pods) {
			b.Fatal(err)
		}
	}
}
