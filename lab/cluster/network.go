package cluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/gatemend/gatemend/lab/binary"
	"github.com/gatemend/gatemend/lab/cluster/netns"
)

// uplink is the interface with a node's address: on the first node a bridge,
// to which the others are wired.
const uplink = "node0"

// setUpNetwork makes what is missing of the nodes' namespaces, links,
// addresses and routes.
func setUpNetwork(ctx context.Context, nodes []Node) error {
	for _, node := range nodes {
		if err := ensureNamespace(node.Namespace); err != nil {
			return err
		}
	}
	for _, node := range nodes {
		if err := setUpNode(ctx, nodes[0], node); err != nil {
			return fmt.Errorf("set up network of %s: %w", node.Name, err)
		}
	}
	for _, node := range nodes {
		for _, other := range nodes {
			if node.Number == other.Number {
				continue
			}
			if err := ip(ctx, node, "route", "replace", other.PodRange, "via", other.IP); err != nil {
				return err
			}
		}
	}
	return nil
}

// ensureNamespace makes a namespace unless it is there.
func ensureNamespace(name string) error {
	exists, err := netns.Exists(name)
	if err != nil || exists {
		return err
	}
	// A file without a namespace is what a killed run left.
	if err := netns.Delete(name); err != nil {
		return err
	}
	return netns.Create(name)
}

// setUpNode gives one node its address.
func setUpNode(ctx context.Context, first, node Node) error {
	if err := ip(ctx, node, "link", "set", "lo", "up"); err != nil {
		return err
	}
	if ip(ctx, node, "link", "show", uplink) != nil {
		if err := addUplink(ctx, first, node); err != nil {
			return err
		}
	}
	for _, args := range [][]string{
		{"addr", "replace", node.IP + "/24", "dev", uplink},
		{"link", "set", uplink, "up"},
		// The programs learn their address from the default route; it leads
		// nowhere.
		{"route", "replace", "default", "dev", uplink},
	} {
		if err := ip(ctx, node, args...); err != nil {
			return err
		}
	}
	return netns.Do(netns.Path(node.Namespace), func() error {
		if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644); err != nil {
			return fmt.Errorf("forward packets: %w", err)
		}
		// Replies of a pod to a pod on the same bridge must pass kube-proxy's
		// rules. The knob is missing where bridges are never filtered.
		_ = os.WriteFile("/proc/sys/net/bridge/bridge-nf-call-iptables", []byte("1"), 0o644)
		return nil
	})
}

// addUplink makes the interface that carries the node's address.
func addUplink(ctx context.Context, first, node Node) error {
	if node.Number == first.Number {
		return ip(ctx, node, "link", "add", uplink, "type", "bridge")
	}
	port := "to-" + node.Name
	// Half a pair may be left of a run that was killed.
	_ = ip(ctx, first, "link", "del", port)
	for _, args := range [][]string{
		{"link", "add", port, "type", "veth", "peer", "name", uplink, "netns", netns.Path(node.Namespace)},
		{"link", "set", port, "master", uplink},
		{"link", "set", port, "up"},
	} {
		if err := ip(ctx, first, args...); err != nil {
			return err
		}
	}
	return nil
}

// ip runs iproute2's ip in a node's namespace.
func ip(ctx context.Context, node Node, args ...string) error {
	program, err := binary.LookHost("ip")
	if err != nil {
		return err
	}
	return netns.Do(netns.Path(node.Namespace), func() error {
		out, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("run ip %s in %s: %w: %s", strings.Join(args, " "), node.Namespace, err, strings.TrimSpace(string(out)))
		}
		return nil
	})
}

// loadModules asks for what the network needs of the kernel. A kernel may have
// it built in, or hide it from a container; then a later step says what fails.
func loadModules(ctx context.Context) {
	modprobe, err := binary.LookHost("modprobe")
	if err != nil {
		return
	}
	for _, module := range []string{"overlay", "br_netfilter", "nf_conntrack", "nf_tables", "veth"} {
		_ = exec.CommandContext(ctx, modprobe, "--quiet", module).Run()
	}
}

// foreignNamespaces lists namespaces of the nodes' names on a machine on which
// this cluster does not exist yet: they are somebody else's.
func foreignNamespaces(nodes []Node) ([]string, error) {
	var found []string
	for _, node := range nodes {
		exists, err := netns.Exists(node.Namespace)
		if err != nil {
			return nil, err
		}
		if exists {
			found = append(found, filepath.Join(netns.Folder, node.Namespace))
		}
	}
	return found, nil
}
