package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gatemend/gatemend/lab/binary"
)

// readyWithin bounds each wait for a component. A loaded machine needs a
// tenth of it.
const readyWithin = 3 * time.Minute

// Up makes a cluster, completes one that is half made, or finds that nothing
// is to be done. When it returns without an error, the API answers, all nodes
// are ready, the images are loaded, and the Gateway API and Contour's
// resources are defined.
func Up(ctx context.Context, o Options) (*Cluster, error) {
	if err := Check(); err != nil {
		return nil, err
	}
	l, err := newLayout(o.Name)
	if err != nil {
		return nil, err
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	log := &lockedWriter{w: o.Log}
	store := o.Store
	if store == nil {
		if store, err = binary.Open("", ".", log); err != nil {
			return nil, err
		}
	}
	images := slices.Compact(slices.Sorted(slices.Values(append([]string{pauseImage}, o.Images...))))
	programs, err := prepare(ctx, store)
	if err != nil {
		return nil, err
	}
	unlock, err := lockState(ctx, l, true, func() {
		fmt.Fprintf(log, "waiting for another lab command on cluster %s ...\n", l.name)
	})
	if err != nil {
		return nil, err
	}
	defer unlock()
	c := &Cluster{layout: l, log: log}
	if c.spec, err = claim(l, o); err != nil {
		return nil, err
	}
	start := time.Now()
	if err := c.bringUp(ctx, store, programs, images); err != nil {
		return nil, fmt.Errorf("bring up cluster %s: %w", l.name, err)
	}
	c.logf("cluster %s is up after %s: %s", l.name, time.Since(start).Round(100*time.Millisecond), nodeNames(c.Nodes()))
	return c, nil
}

// prepare gets everything that does not belong to one cluster.
func prepare(ctx context.Context, store *binary.Store) (map[string]string, error) {
	if err := store.Install(ctx, binary.HostPackages()); err != nil {
		return nil, err
	}
	programs, err := store.Ensure(ctx, "etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl")
	if err != nil {
		return nil, err
	}
	path, err := binary.LookHost("containerd")
	if err != nil {
		return nil, err
	}
	programs["containerd"] = path
	return programs, nil
}

// claim loads the cluster's spec or writes it first. From then on the
// namespaces of its names are its own, so those that are there before are
// somebody else's.
func claim(l layout, o Options) (spec, error) {
	s, err := readSpec(l)
	switch {
	case errors.Is(err, ErrNotFound):
		s = spec{Nodes: max(o.Nodes, 1), Audit: o.Audit, LogSize: o.LogSize, KeepOrphans: o.KeepOrphans}
	case err != nil:
		return spec{}, err
	case o.Nodes <= s.Nodes:
		return s, nil
	}
	known := s.Nodes
	if err != nil {
		known = 0
	}
	s.Nodes = max(o.Nodes, 1)
	foreign, err := foreignNamespaces(l.nodes(s.Nodes)[known:])
	if err != nil {
		return spec{}, err
	}
	if len(foreign) > 0 {
		// The folder is empty if it is new: nothing was made.
		_ = os.Remove(l.dir)
		return spec{}, fmt.Errorf("make cluster %s: %s exists and is not the lab's; remove it with `ip netns del`, or use another name", l.name, strings.Join(foreign, ", "))
	}
	return s, s.write(l)
}

// bringUp does everything below the spec.
func (c *Cluster) bringUp(ctx context.Context, store *binary.Store, programs map[string]string, images []string) error {
	nodes := c.Nodes()
	if err := c.writeFiles(nodes); err != nil {
		return err
	}
	loadModules(ctx)
	if err := setUpNetwork(ctx, nodes); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, node := range nodes {
		if err := c.start(programs["containerd"], containerd(node)); err != nil {
			return err
		}
	}
	group.Go(func() error { return c.loadStock(ctx, store, images) })
	group.Go(func() error {
		if err := c.startControlPlane(ctx, programs); err != nil {
			return err
		}
		group.Go(func() error {
			files, err := crdFiles(ctx, store)
			if err != nil {
				return err
			}
			return c.applyCRDs(ctx, files)
		})
		return c.startNodes(ctx, programs)
	})
	return group.Wait()
}

// writeFiles makes the folders and every file that the components read.
func (c *Cluster) writeFiles(nodes []Node) error {
	l := c.layout
	for _, dir := range []string{l.path("pki"), l.path("kubeconfig"), l.path("run"), l.logs()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("create state folder: %w", err)
		}
	}
	if err := writeIdentities(l, nodes, time.Now()); err != nil {
		return err
	}
	policy, err := render("audit.yaml", nil)
	if err != nil {
		return err
	}
	files := map[string][]byte{l.path("audit.yaml"): policy}
	for _, node := range nodes {
		more, err := nodeFiles(l, node, c.spec.LogSize)
		if err != nil {
			return err
		}
		maps.Copy(files, more)
	}
	for path, text := range files {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("create state folder: %w", err)
		}
		if err := writeFile(path, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// startControlPlane starts etcd and the API server, waits for each, and
// starts the controllers.
func (c *Cluster) startControlPlane(ctx context.Context, programs map[string]string) error {
	for _, step := range []struct {
		what  component
		ready func(context.Context) error
	}{
		{etcd(c.layout), c.etcdReady},
		{apiServer(c.layout, c.spec.Audit), c.apiReady},
		{controllerManager(c.layout, controllers(c.spec.KeepOrphans)), nil},
		{scheduler(c.layout), nil},
	} {
		if err := c.start(programs[step.what.program], step.what); err != nil {
			return err
		}
		if step.ready == nil {
			continue
		}
		if err := c.awaitStep(ctx, step.what.name, step.ready); err != nil {
			return err
		}
	}
	return nil
}

// startNodes starts what a node needs besides containerd and waits until all
// nodes are ready.
func (c *Cluster) startNodes(ctx context.Context, programs map[string]string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readyWithin, fmt.Errorf("nodes not ready within %s", readyWithin))
	defer cancel()
	for _, node := range c.Nodes() {
		if err := c.await(ctx, node.component("containerd"), containerdReady(node)); err != nil {
			return err
		}
		for _, what := range []component{kubelet(c.layout, node), kubeProxy(c.layout, node)} {
			if err := c.start(programs[what.program], what); err != nil {
				return err
			}
		}
	}
	return c.WaitReady(ctx)
}

// awaitStep waits for one component and says how long that took.
func (c *Cluster) awaitStep(ctx context.Context, name string, ready func(context.Context) error) error {
	start := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, readyWithin, fmt.Errorf("not ready within %s", readyWithin))
	defer cancel()
	if err := c.await(ctx, name, ready); err != nil {
		return err
	}
	if took := time.Since(start); took > pollEvery {
		c.logf("%s is ready after %s", name, took.Round(100*time.Millisecond))
	}
	return nil
}

// loadStock builds the images and brings each to all nodes once it is made.
// The programs are built one after the other, so that the compiler does not
// fight with itself.
func (c *Cluster) loadStock(ctx context.Context, store *binary.Store, images []string) error {
	for _, node := range c.Nodes() {
		if err := c.awaitStep(ctx, node.component("containerd"), containerdReady(node)); err != nil {
			return err
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, name := range images {
		archive, err := BuildImage(ctx, store, name)
		if err != nil {
			return errors.Join(err, group.Wait())
		}
		group.Go(func() error { return c.LoadImage(ctx, archive) })
	}
	return group.Wait()
}

// nodeNames lists names for a line of progress.
func nodeNames(nodes []Node) string {
	names := make([]string, len(nodes))
	for i, node := range nodes {
		names[i] = node.Name
	}
	return strings.Join(names, ", ")
}
