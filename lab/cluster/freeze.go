package cluster

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"github.com/gatemend/gatemend/lab/binary"
)

// Freeze stops the processes of a container where they stand, as a process hangs: its connections stay open, and
// nobody answers on them. id is the container's, as a pod's status has it; Thaw lets it run on.
func (c *Cluster) Freeze(ctx context.Context, number int, id string) error {
	return c.task(ctx, "pause", number, id)
}

// Thaw undoes Freeze.
func (c *Cluster) Thaw(ctx context.Context, number int, id string) error {
	return c.task(ctx, "resume", number, id)
}

// Kill ends a container as if its process had crashed: the kubelet starts another one in its place.
func (c *Cluster) Kill(ctx context.Context, number int, id string) error {
	return c.task(ctx, "kill", number, id, "--signal", "SIGKILL")
}

func (c *Cluster) task(ctx context.Context, what string, number int, id string, more ...string) error {
	ctr, err := binary.LookHost("ctr")
	if err != nil {
		return err
	}
	node := c.layout.node(number)
	out, err := exec.CommandContext(ctx, ctr, slices.Concat( //nolint:gosec // the lab's own containerd
		[]string{"-a", node.Socket(), "-n", "k8s.io", "tasks", what}, more, []string{strings.TrimPrefix(id, "containerd://")})...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s container %s on %s: %w: %s", what, id, node.Name, err, strings.TrimSpace(string(out)))
	}
	return nil
}
