// Package labtest opens a cluster of the lab for a test, and the gatemend that is tested.
package labtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/gatemend/gatemend/lab/cluster"
	"github.com/gatemend/gatemend/lab/load"
	"github.com/gatemend/gatemend/lab/manifest"
)

// Lab is a cluster and a client for it.
type Lab struct {
	*cluster.Cluster
	Client *manifest.Client
}

// Open brings a cluster up with all the lab's images. It goes with the test if its name is own; one of any other
// name is somebody's, who wants to look at it afterwards.
func Open(t *testing.T, own string, o cluster.Options) *Lab {
	t.Helper()
	o.Images, o.Log = cluster.Images(), t.Output()
	c, err := cluster.Up(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if o.Name == own {
		t.Cleanup(func() {
			if err := cluster.Down(context.WithoutCancel(t.Context()), own, t.Output()); err != nil {
				t.Error(err)
			}
		})
	}
	config, err := c.RESTConfig()
	if err != nil {
		t.Fatal(err)
	}
	client, err := manifest.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return &Lab{Cluster: c, Client: client}
}

// Install brings the gateways and the shop, and waits until they serve.
func (l *Lab) Install(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	if err := l.Client.Install(ctx, func(s string) { t.Log(s) }); err != nil {
		t.Fatal(err)
	}
}

// Address is where the gateway of a name takes requests.
func (l *Lab) Address(t *testing.T, name string) string {
	t.Helper()
	for _, g := range manifest.Gateways() {
		if g.Name != name {
			continue
		}
		address, err := l.Client.Address(t.Context(), g)
		if err != nil {
			t.Fatal(err)
		}
		return address
	}
	t.Fatalf("the lab has no gateway %s", name)
	return ""
}

// Targets are all routes of the shop, by their hosts.
func (l *Lab) Targets(t *testing.T) []load.Target {
	t.Helper()
	var out []load.Target
	for _, g := range manifest.Gateways() {
		for _, host := range g.Hosts {
			out = append(out, load.Target{Name: host, Address: l.Address(t, g.Name), Host: host, Path: "/"})
		}
	}
	return out
}

// OptInLabel is what a namespace bears in which gatemend may mend without asking.
const OptInLabel = "gatemend.dev/remediation"

// OptIn gives the shop's namespace a value of [OptInLabel].
func (l *Lab) OptIn(ctx context.Context, value string) error {
	patch := fmt.Appendf(nil, `{"metadata":{"labels":{%q:%q}}}`, OptInLabel, value)
	_, err := l.Client.Kube.CoreV1().Namespaces().Patch(ctx, manifest.Namespace, types.MergePatchType, patch, metav1.PatchOptions{})
	if err != nil {
		return fmt.Errorf("label namespace %s: %w", manifest.Namespace, err)
	}
	return nil
}

// Program is the gatemend that is tested: the one that GATEMEND names, or one built here.
func Program(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("GATEMEND"); path != "" { //nolint:forbidigo // only tests are here
		return path
	}
	path := filepath.Join(t.TempDir(), "gatemend")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", path, "./cmd/gatemend")
	cmd.Dir = filepath.Join("..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build gatemend: %v\n%s", err, out)
	}
	return path
}
