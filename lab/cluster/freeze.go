package cluster

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
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

// PID is the process of a container on this machine.
func (c *Cluster) PID(ctx context.Context, number int, id string) (int, error) {
	out, err := c.ctr(ctx, number, "tasks", "ls")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(out) { // TASK PID STATUS
		f := strings.Fields(line)
		if len(f) == 3 && f[0] == strings.TrimPrefix(id, "containerd://") {
			return strconv.Atoi(f[1])
		}
	}
	return 0, fmt.Errorf("container %s does not run", id)
}

func (c *Cluster) task(ctx context.Context, what string, number int, id string, more ...string) error {
	_, err := c.ctr(ctx, number, slices.Concat([]string{"tasks", what}, more, []string{strings.TrimPrefix(id, "containerd://")})...)
	return err
}

// ctr asks the containerd of a node.
func (c *Cluster) ctr(ctx context.Context, number int, args ...string) (string, error) {
	ctr, err := binary.LookHost("ctr")
	if err != nil {
		return "", err
	}
	node := c.layout.node(number)
	out, err := exec.CommandContext(ctx, ctr, slices.Concat([]string{"-a", node.Socket(), "-n", "k8s.io"}, args)...).CombinedOutput() //nolint:gosec // the lab's own containerd
	if err != nil {
		return "", fmt.Errorf("%s on %s: %w: %s", strings.Join(args, " "), node.Name, err, strings.TrimSpace(string(out)))
	}
	return string(out), nil
}
