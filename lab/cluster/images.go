package cluster

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gatemend/gatemend/lab/binary"
	"github.com/gatemend/gatemend/lab/image"
)

// LoadImage brings an image to every node that does not have this very
// content under this name. Pods then use it with imagePullPolicy Never.
func (c *Cluster) LoadImage(ctx context.Context, archive image.Archive) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, node := range c.Nodes() {
		group.Go(func() error { return c.loadImage(ctx, node, archive) })
	}
	return group.Wait()
}

// criKnows is the label that containerd's CRI plugin puts on an image once
// the kubelet may use it.
const criKnows = "io.cri-containerd.image=managed"

// loadImage brings an image to one node.
func (c *Cluster) loadImage(ctx context.Context, node Node, archive image.Archive) error {
	loaded, err := ctr(ctx, node, "images", "list", "name=="+archive.Ref)
	if err != nil {
		return err
	}
	if !strings.Contains(loaded, archive.Digest) {
		start := time.Now()
		if _, err := ctr(ctx, node, "images", "import", archive.Path); err != nil {
			return fmt.Errorf("load image %s: %w", archive.Ref, err)
		}
		c.logf("image %s loaded on %s in %s", archive.Ref, node.Name, time.Since(start).Round(10*time.Millisecond))
	}
	return c.await(ctx, node.component("containerd"), func(ctx context.Context) error {
		loaded, err := ctr(ctx, node, "images", "list", "name=="+archive.Ref)
		if err == nil && !strings.Contains(loaded, criKnows) {
			err = errors.New("containerd has image " + archive.Ref + ", its CRI plugin not yet")
		}
		return err
	})
}

// ctr runs containerd's own client on a node's images and containers.
func ctr(ctx context.Context, node Node, args ...string) (string, error) {
	program, err := binary.LookHost("ctr")
	if err != nil {
		return "", err
	}
	args = append([]string{"--address", node.Socket(), "--namespace", "k8s.io"}, args...)
	out, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("run ctr on %s: %w: %s", node.Name, err, strings.TrimSpace(string(out)))
	}
	return string(out), nil
}
