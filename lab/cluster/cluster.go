package cluster

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"slices"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/gatemend/gatemend/lab/cluster/netns"
)

// Cluster is a cluster that exists on this machine. Its methods may be used
// by several goroutines at once.
type Cluster struct {
	layout layout
	spec   spec
	// log takes whole lines from several goroutines; nil takes none.
	log io.Writer
}

// Open returns a cluster that Up has made, running or not. It is ErrNotFound
// if there is none of the name; "" means DefaultName.
func Open(name string) (*Cluster, error) {
	l, err := newLayout(name)
	if err != nil {
		return nil, err
	}
	s, err := readSpec(l)
	if err != nil {
		return nil, err
	}
	return &Cluster{layout: l, spec: s}, nil
}

// List names the clusters on this machine, sorted.
func List() ([]string, error) {
	dirs, err := os.ReadDir(StateRoot)
	if err != nil && !os.IsNotExist(err) {
		return nil, fmt.Errorf("list clusters: %w", err)
	}
	var names []string
	for _, dir := range dirs {
		if dir.IsDir() {
			names = append(names, dir.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// Name is the cluster's name.
func (c *Cluster) Name() string { return c.layout.name }

// Dir is the cluster's state folder.
func (c *Cluster) Dir() string { return c.layout.dir }

// Nodes lists the nodes in order.
func (c *Cluster) Nodes() []Node { return c.layout.nodes(c.spec.Nodes) }

// Namespace is the file of the first node's network namespace, as
// `nsenter --net=` takes it.
func (c *Cluster) Namespace() string { return netns.Path(c.layout.node(1).Namespace) }

// Kubeconfig is the path of a kubeconfig with all rights. The address in it is
// reachable only inside the cluster's namespaces: hand it to programs that
// Exec runs; in this process use RESTConfig.
func (c *Cluster) Kubeconfig() string { return c.layout.kubeconfig(admin) }

// LogFile is the file with a component's output. Components lists the names.
func (c *Cluster) LogFile(component string) string { return c.layout.log(component) }

// AuditLog is the API server's audit log; it is written only if Options.Audit
// was set.
func (c *Cluster) AuditLog() string { return c.layout.log("audit") }

// RESTConfig is a client configuration with all rights that works from
// outside: its connections are made inside the cluster's namespace.
func (c *Cluster) RESTConfig() (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig())
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig of cluster %s: %w", c.layout.name, err)
	}
	config.Dial = c.DialContext
	// A lab is not a place to be polite to the API server.
	config.QPS, config.Burst = 200, 400
	return config, nil
}

// DialContext connects to a numeric address as the first node does, and so to
// the nodes, the pods and the Services.
func (c *Cluster) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return netns.Dial(ctx, c.Namespace(), network, address)
}

// Listen listens at a numeric address of the first node, where pods reach it.
func (c *Cluster) Listen(ctx context.Context, address string) (net.Listener, error) {
	var l net.Listener
	err := netns.Do(c.Namespace(), func() error {
		var err error
		l, err = (&net.ListenConfig{}).Listen(ctx, "tcp", address)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listen in cluster %s: %w", c.layout.name, err)
	}
	return l, nil
}

// logf writes one line of progress.
func (c *Cluster) logf(format string, args ...any) {
	if c.log == nil {
		return
	}
	fmt.Fprintf(c.log, format+"\n", args...)
}
