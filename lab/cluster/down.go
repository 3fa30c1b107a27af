package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatemend/gatemend/lab/cluster/mount"
	"github.com/gatemend/gatemend/lab/cluster/netns"
	"github.com/gatemend/gatemend/lab/cluster/process"
)

// killPatience bounds how long Down waits for killed processes to go.
const killPatience = 20 * time.Second

// Down removes the cluster; see the function Down.
func (c *Cluster) Down(ctx context.Context) error { return Down(ctx, c.layout.name, c.log) }

// Down removes a cluster in whatever state it is: its processes and containers
// (and whatever Exec started), mounts, namespaces, cgroups and files. Nothing
// is asked to stop nicely, since nothing is kept. It is ErrNotFound if there is
// no trace of the cluster. After an error it may be called again.
func Down(ctx context.Context, name string, log io.Writer) error {
	if err := Check(); err != nil {
		return err
	}
	l, err := newLayout(name)
	if err != nil {
		return err
	}
	c := &Cluster{layout: l, log: &lockedWriter{w: log}}
	unlock, err := lockState(ctx, l, false, func() { c.logf("waiting for another lab command on cluster %s ...", l.name) })
	if err != nil {
		return err
	}
	defer unlock()
	start := time.Now()
	if err := l.remove(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("take down cluster %s: %w", l.name, err)
	}
	c.logf("cluster %s is down after %s", l.name, time.Since(start).Round(100*time.Millisecond))
	return nil
}

// remove takes everything away. The order matters: what is needed to find a
// thing goes after the thing, and the state folder last of all.
func (l layout) remove(ctx context.Context) error {
	namespaces := l.ownNamespaces()
	// What containerd knows tells what is ours in shared places; it forgets
	// nothing once it is dead, so it is asked then.
	if err := l.kill(namespaces); err != nil {
		return err
	}
	traces := l.traces()
	if err := l.stop(namespaces); err != nil {
		return err
	}
	if err := removeTraces(ctx, traces); err != nil {
		return err
	}
	if err := removeAll(l.dir); err != nil {
		return fmt.Errorf("remove state folder: %w", err)
	}
	if os.Remove(StateRoot) == nil {
		// It was the last cluster.
		removeEmptyShared()
	}
	return nil
}

// stop takes away all that runs, and leaves the files: what a restart of the
// machine would do.
func (l layout) stop(namespaces []string) error {
	if err := l.kill(namespaces); err != nil {
		return err
	}
	if err := mount.RemoveBelow(l.dir); err != nil {
		return err
	}
	for _, namespace := range namespaces {
		if err := netns.Delete(namespace); err != nil {
			return err
		}
	}
	return nil
}

// kill ends every process of the cluster.
func (l layout) kill(namespaces []string) error {
	return process.KillAll(func() ([]process.Record, error) {
		// Namespaces of pods may still be made while containerd lives.
		ids, err := l.namespaceIDs(namespaces)
		if err != nil {
			return nil, err
		}
		found, err := process.Find(process.Scope{State: l.dir, Namespaces: ids})
		return append(found, l.recorded()...), err
	}, killPatience)
}

// removeAll removes a folder but its spec, by which the cluster is known,
// until nothing else is left.
func removeAll(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.Name() == filepath.Base(layout{}.spec()) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
			return err
		}
	}
	return os.RemoveAll(dir)
}

// ownNamespaces lists the names of network namespaces that the cluster may
// have made. Without a spec it made none.
func (l layout) ownNamespaces() []string {
	if !present(l.spec()) {
		return nil
	}
	var names []string
	// All numbers, whatever the spec says: it may be damaged.
	for _, node := range l.nodes(MaxNodes) {
		if present(netns.Path(node.Namespace)) {
			names = append(names, node.Namespace)
		}
	}
	return names
}

// namespaceIDs returns the ids of the nodes' namespaces and of those that
// containerd mounted for pods in the state folder.
func (l layout) namespaceIDs(names []string) ([]uint64, error) {
	var paths []string
	for _, name := range names {
		if exists, err := netns.Exists(name); err != nil {
			return nil, err
		} else if exists {
			paths = append(paths, netns.Path(name))
		}
	}
	points, err := mount.Below(l.dir)
	if err != nil {
		return nil, err
	}
	for _, point := range points {
		if filepath.Base(filepath.Dir(point)) == "netns" {
			paths = append(paths, point)
		}
	}
	var ids []uint64
	for _, path := range paths {
		id, err := netns.ID(path)
		if errors.Is(err, unix.ENOENT) {
			continue // unmounted meanwhile
		}
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// recorded lists the components that still run by their records.
func (l layout) recorded() []process.Record {
	files, err := filepath.Glob(l.record("*"))
	if err != nil {
		return nil
	}
	var alive []process.Record
	for _, file := range files {
		// A record that cannot be read is one that was never finished; its
		// process carries the mark.
		if record, running, err := process.Running(file); err == nil && running {
			alive = append(alive, record)
		}
	}
	return alive
}
