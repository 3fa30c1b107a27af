package cluster

import (
	"context"
	"fmt"
	"time"

	"github.com/gatemend/gatemend/lab/binary"
	"github.com/gatemend/gatemend/lab/cluster/process"
)

// kubeletPatience is how long a kubelet may take to stop.
const kubeletPatience = 5 * time.Second

// Cut takes a node off the network, as when its machine is switched off: what runs on it runs on, and nobody
// reaches it. The first node, which carries the control plane, cannot be cut.
func (c *Cluster) Cut(ctx context.Context, number int) error {
	if number <= 1 || number > c.spec.Nodes {
		return fmt.Errorf("%w: node %d cannot be cut off", ErrBadOption, number)
	}
	return ip(ctx, c.layout.node(1), "link", "set", "to-"+c.layout.node(number).Name, "down")
}

// Join puts a node that was cut off back on the network. Its kubelet is started anew, so that it registers
// again if its Node was deleted meanwhile.
func (c *Cluster) Join(ctx context.Context, number int) error {
	if number <= 1 || number > c.spec.Nodes {
		return fmt.Errorf("%w: node %d cannot have been cut off", ErrBadOption, number)
	}
	node := c.layout.node(number)
	if err := ip(ctx, c.layout.node(1), "link", "set", "to-"+node.Name, "up"); err != nil {
		return err
	}
	what := kubelet(c.layout, node)
	record, running, err := process.Running(c.layout.record(what.name))
	if err != nil {
		return err
	}
	if running {
		if err := record.Stop(kubeletPatience); err != nil {
			return err
		}
	}
	store, err := binary.Open("", ".", c.log)
	if err != nil {
		return err
	}
	programs, err := store.Ensure(ctx, what.program)
	if err != nil {
		return err
	}
	if err := c.start(programs[what.program], what); err != nil {
		return err
	}
	return c.WaitReady(ctx)
}
