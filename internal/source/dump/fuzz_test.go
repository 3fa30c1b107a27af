package dump

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// FuzzSplit: whatever stands in a file, places are inside of it and nothing panics.
func FuzzSplit(f *testing.F) {
	f.Add([]byte(listOf("", cartService, webPod)))
	f.Add([]byte(listOf("  ", cartService) + "---\n{\"kind\": \"PodList\", \"items\": [{}]"))
	f.Add([]byte("items:\n-\n - \n"))
	f.Add([]byte("\xff\xfei\x00:\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		last := bytes.Count(plain(data), []byte{'\n'}) + 1
		lists, faults := split(data)
		for _, l := range lists {
			for _, p := range l.items {
				if p.line < 1 || p.line > last {
					t.Fatalf("an object on line %d of %d", p.line, last)
				}
				decode(l, p)
			}
		}
		for _, x := range faults {
			if x.line < 0 || x.line > last {
				t.Fatalf("a fault on line %d of %d", x.line, last)
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
