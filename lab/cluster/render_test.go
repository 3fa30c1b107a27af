package cluster

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares a text with a file in testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs from the golden file (go test -update writes it anew); got:\n%s", name, got)
	}
}

func TestNodeFiles(t *testing.T) {
	l, err := newLayout("demo")
	if err != nil {
		t.Fatal(err)
	}
	files, err := nodeFiles(l, l.node(2), "")
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	for _, path := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(&text, "-- %s --\n%s", path, files[path])
	}
	golden(t, "node2.golden", text.Bytes())
}

func TestComponents(t *testing.T) {
	l, err := newLayout("demo")
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	for _, what := range []component{
		etcd(l), apiServer(l, true), controllerManager(l, controllers(true)), scheduler(l),
		containerd(l.node(2)), kubelet(l, l.node(2)), kubeProxy(l, l.node(2)),
	} {
		fmt.Fprintf(&text, "-- %s in %s --\n%s\n", what.name, what.node.Namespace, strings.Join(append([]string{what.program}, what.args...), "\n  "))
	}
	golden(t, "components.golden", text.Bytes())
}

func TestAuditIsOffUnlessAsked(t *testing.T) {
	l, err := newLayout("demo")
	if err != nil {
		t.Fatal(err)
	}
	if args := strings.Join(apiServer(l, false).args, " "); strings.Contains(args, "audit") {
		t.Errorf("kube-apiserver without audit runs with %s", args)
	}
}
