package cluster

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/gatemend/gatemend/lab/binary"
	"github.com/gatemend/gatemend/lab/cluster/process"
)

// Stdio is what a program run by Exec reads and writes. A nil field is the
// null device.
type Stdio struct {
	In       io.Reader
	Out, Err io.Writer
}

// Exec runs a program of the host inside the first node's network namespace,
// with KUBECONFIG set to one with all rights, and waits for it. A status other
// than 0 is an *exec.ExitError. Down ends what still runs then.
func (c *Cluster) Exec(ctx context.Context, argv []string, stdio Stdio) error {
	cmd, err := c.Command(ctx, argv...)
	if err != nil {
		return err
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdio.In, stdio.Out, stdio.Err
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("run %s in cluster %s: %w", argv[0], c.layout.name, err)
	}
	return nil
}

// stopPatience is how long a program may take to stop when the context ends.
const stopPatience = 10 * time.Second

// Command prepares what Exec runs, for callers that start and stop it
// themselves.
func (c *Cluster) Command(ctx context.Context, argv ...string) (*exec.Cmd, error) {
	if len(argv) == 0 {
		return nil, fmt.Errorf("run in cluster %s: no program given", c.layout.name)
	}
	nsenter, err := binary.LookHost("nsenter")
	if err != nil {
		return nil, err
	}
	// nsenter only changes the namespace and becomes the program: the process
	// id, the terminal and the signals are the program's own.
	args := append([]string{"--net=" + c.Namespace(), "--"}, argv...)
	cmd := exec.CommandContext(ctx, nsenter, args...)
	// A program that is told to stop may tidy up; then it is made to.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopPatience
	cmd.Env = append(os.Environ(), "KUBECONFIG="+c.Kubeconfig(), process.Marker+"="+c.layout.dir)
	return cmd, nil
}
