package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// devicePluginSocket is where a kubelet listens for device plugins, whatever
// its own folder is.
const devicePluginSocket = "/var/lib/kubelet/device-plugins/kubelet.sock"

// traces lists what the programs leave in places that no configuration moves
// into the state folder, what is deeper first. It is to be asked before the
// state folder goes, for that tells which of the things in shared places are
// this cluster's.
func (l layout) traces() []string {
	var traces []string
	tasks := glob(l.path("*", "containerd", "state", "io.containerd.runtime.v2.task", "k8s.io", "*"))
	for _, task := range tasks {
		id := filepath.Base(task)
		// Version 1 of cgroups mounts a hierarchy per controller, version 2 one.
		traces = append(traces, glob("/sys/fs/cgroup/*/k8s.io/"+id)...)
		traces = append(traces, glob("/sys/fs/cgroup/k8s.io/"+id)...)
		// libcni remembers every loopback interface that it set up.
		traces = append(traces, glob("/var/lib/cni/results/*-"+id+"-*")...)
		if address, err := os.ReadFile(filepath.Join(task, "address")); err == nil {
			// The shim removes its socket only when it ends by itself.
			traces = append(traces, strings.TrimPrefix(strings.TrimSpace(string(address)), "unix://"))
		}
	}
	traces = append(traces, glob("/var/lib/cni/results/"+l.cniNetwork()+"-*")...)
	// The kubelet links each log under the name that log collectors know.
	for _, link := range glob("/var/log/containers/*") {
		if target, err := os.Readlink(link); err == nil && strings.HasPrefix(target, l.dir+"/") {
			traces = append(traces, link)
		}
	}
	slices.Sort(traces)
	slices.Reverse(traces)
	return slices.Compact(traces)
}

// glob lists the paths of a well-formed pattern.
func glob(pattern string) []string {
	paths, err := filepath.Glob(pattern)
	if err != nil {
		return nil
	}
	return paths
}

// removeTraces removes what traces listed, and the kubelets' common socket
// unless a kubelet still answers there.
func removeTraces(ctx context.Context, traces []string) error {
	if conn, err := (&net.Dialer{Timeout: askWithin}).DialContext(ctx, "unix", devicePluginSocket); err == nil {
		conn.Close()
	} else if errors.Is(err, syscall.ECONNREFUSED) {
		traces = append(traces, devicePluginSocket)
	}
	for _, trace := range traces {
		if err := removeTrace(ctx, trace); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove trace: %w", err)
		}
	}
	return nil
}

// busyFor is how long the kernel may take to forget the processes of a cgroup that were killed.
const busyFor = 10 * time.Second

// removeTrace removes one, and waits for a cgroup whose last process is still ending.
func removeTrace(ctx context.Context, trace string) error {
	ctx, cancel := context.WithTimeout(ctx, busyFor)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := os.Remove(trace)
		if !errors.Is(err, syscall.EBUSY) {
			return err //nolint:wrapcheck // it names the path
		}
		select {
		case <-ctx.Done():
			return err //nolint:wrapcheck // as above
		case <-tick.C:
		}
	}
}

// removeEmptyShared removes folders that the programs made outside the state
// folder, where they are empty: another runtime's are not, and it makes them
// again if it must.
func removeEmptyShared() {
	folders := glob("/sys/fs/cgroup/*/k8s.io")
	folders = append(folders, "/sys/fs/cgroup/k8s.io",
		"/run/containerd/s", "/run/containerd",
		"/var/lib/cni/results", "/var/lib/cni",
		"/var/lib/kubelet/device-plugins", "/var/lib/kubelet",
		"/var/log/containers")
	for _, folder := range folders {
		// It is not there, or in use: both are fine.
		_ = os.Remove(folder)
	}
}
