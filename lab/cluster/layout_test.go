package cluster

import (
	"errors"
	"strings"
	"testing"
)

func TestNewLayout(t *testing.T) {
	for _, name := range []string{"", "lab", "a", "2", "pr-17", strings.Repeat("a", 24)} {
		if _, err := newLayout(name); err != nil {
			t.Errorf("newLayout(%q): %v", name, err)
		}
	}
	for _, name := range []string{"..", "a/b", "lab.2", "Lab", "-a", "a-", "a b", strings.Repeat("a", 25), "a\n"} {
		if _, err := newLayout(name); !errors.Is(err, ErrBadOption) {
			t.Errorf("newLayout(%q) = %v, want ErrBadOption", name, err)
		}
	}
}

func TestSocketsFitTheirLimit(t *testing.T) {
	// A socket's path is at most 107 bytes and a terminating zero, and
	// containerd adds .ttrpc to its own.
	const limit = 107
	l, err := newLayout(strings.Repeat("n", 24))
	if err != nil {
		t.Fatal(err)
	}
	if socket := l.node(MaxNodes).Socket() + ".ttrpc"; len(socket) > limit {
		t.Errorf("%s has %d bytes, more than %d", socket, len(socket), limit)
	}
}

func TestNodesShareNothing(t *testing.T) {
	l, err := newLayout("lab")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, node := range l.nodes(MaxNodes) {
		for _, value := range []string{node.Name, node.IP, node.Namespace, node.PodRange, node.Dir} {
			if seen[value] {
				t.Errorf("%s is used twice", value)
			}
			seen[value] = true
		}
	}
	if first := l.node(1).Namespace; first != "lab" {
		t.Errorf("first namespace is %q, want the cluster's name", first)
	}
}
