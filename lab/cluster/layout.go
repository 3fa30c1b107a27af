package cluster

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
)

const (
	// StateRoot holds a folder per cluster.
	StateRoot = "/var/lib/gatemend-lab"
	// DefaultName is the name of a cluster that is given none.
	DefaultName = "lab"
	// MaxNodes bounds the nodes of one cluster: each is a containerd and a
	// kubelet on the same machine.
	MaxNodes = 9
)

// The address plan. It is the same in every cluster.
const (
	// ServiceRange is where cluster IPs of Services are taken from.
	ServiceRange = "10.96.0.0/16"
	// PodRange covers the pods of all nodes; node N has 10.244.N.0/24.
	PodRange = "10.244.0.0/16"

	apiServiceIP = "10.96.0.1"
	apiPort      = 6443
	etcdAddress  = "127.0.0.1:2379"
)

// ErrBadOption says that what was asked for cannot be: a name that does not fit
// in paths, a number of nodes out of range, an image that does not exist.
var ErrBadOption = errors.New("invalid option")

// layout knows where everything of one cluster is. It does no I/O.
type layout struct {
	name string
	dir  string
}

// newLayout checks the name. Sockets lie deep in the state folder and a
// socket's path is at most 108 bytes, hence the bound on its length.
func newLayout(name string) (layout, error) {
	if name == "" {
		name = DefaultName
	}
	if !regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,22}[a-z0-9])?$`).MatchString(name) {
		return layout{}, fmt.Errorf("%w: cluster name %q: want 1 to 24 of a-z, 0-9 and -, not at the ends", ErrBadOption, name)
	}
	return layout{name: name, dir: filepath.Join(StateRoot, name)}, nil
}

func (l layout) path(parts ...string) string {
	return filepath.Join(append([]string{l.dir}, parts...)...)
}

func (l layout) spec() string                    { return l.path("lab.json") }
func (l layout) pki(file string) string          { return l.path("pki", file) }
func (l layout) logs() string                    { return l.path("log") }
func (l layout) log(component string) string     { return l.path("log", component+".log") }
func (l layout) record(component string) string  { return l.path("run", component+".json") }
func (l layout) kubeconfig(holder string) string { return l.path("kubeconfig", holder) }
func (l layout) apiURL() string                  { return fmt.Sprintf("https://%s:%d", l.node(1).IP, apiPort) }
func (l layout) cniNetwork() string              { return "gatemend-lab-" + l.name }

// Node is one node of a cluster.
type Node struct {
	// Number counts from 1; the first node carries the control plane.
	Number int
	// Name is the name of the Node object.
	Name string
	// IP is the node's address.
	IP string
	// Namespace is the name of its network namespace.
	Namespace string
	// PodRange is where the addresses of its pods are taken from.
	PodRange string
	// Dir holds its files.
	Dir string
}

// node describes the node of a number.
func (l layout) node(number int) Node {
	namespace := l.name
	if number > 1 {
		// A cluster's name has no dot, so no other cluster is called so.
		namespace += "." + strconv.Itoa(number)
	}
	name := "node" + strconv.Itoa(number)
	return Node{
		Number:    number,
		Name:      name,
		IP:        fmt.Sprintf("172.30.0.%d", number),
		Namespace: namespace,
		PodRange:  fmt.Sprintf("10.244.%d.0/24", number),
		Dir:       l.path(name),
	}
}

// nodes describes the first count nodes.
func (l layout) nodes(count int) []Node {
	list := make([]Node, count)
	for i := range list {
		list[i] = l.node(i + 1)
	}
	return list
}

func (n Node) path(parts ...string) string {
	return filepath.Join(append([]string{n.Dir}, parts...)...)
}

// Socket is the address of the node's containerd.
func (n Node) Socket() string { return n.path("containerd", "containerd.sock") }

// PodLogs is the folder of the node's container logs, as /var/log/pods is on
// an ordinary node.
func (n Node) PodLogs() string { return n.path("pods") }

// component is the name under which one of the node's processes is recorded
// and logs, such as kubelet-node2.
func (n Node) component(program string) string { return program + "-" + n.Name }
