package cluster

import (
	"context"
	"fmt"
	"time"

	"github.com/gatemend/gatemend/lab/cluster/process"
)

// Status is what of a cluster runs.
type Status struct {
	// Components are the processes, control plane first.
	Components []ComponentStatus
	// NotReady is what is missing for the cluster to be up; nil if nothing is.
	NotReady error
}

// ComponentStatus is one process of a cluster.
type ComponentStatus struct {
	// Name is what Components calls it.
	Name string
	// Running says whether the process is there; PID is its id if so.
	Running bool
	PID     int
	// Log is the file with its output.
	Log string
}

// statusWithin bounds the question whether a cluster is ready.
const statusWithin = 5 * time.Second

// Components names the processes of the cluster, control plane first.
func (c *Cluster) Components() []string {
	list := []component{etcd(c.layout), apiServer(c.layout, false), controllerManager(c.layout, ""), scheduler(c.layout)}
	for _, node := range c.Nodes() {
		list = append(list, containerd(node), kubelet(c.layout, node), kubeProxy(c.layout, node))
	}
	names := make([]string, len(list))
	for i, what := range list {
		names[i] = what.name
	}
	return names
}

// Status looks at the processes and, if all run, asks the API.
func (c *Cluster) Status(ctx context.Context) Status {
	var status Status
	for _, name := range c.Components() {
		record, running, err := process.Running(c.layout.record(name))
		if err == nil && !running {
			err = fmt.Errorf("%s does not run", name)
		}
		if err != nil && status.NotReady == nil {
			status.NotReady = err
		}
		status.Components = append(status.Components, ComponentStatus{
			Name: name, Running: running, PID: record.PID, Log: c.LogFile(name),
		})
	}
	if status.NotReady == nil {
		ctx, cancel := context.WithTimeout(ctx, statusWithin)
		defer cancel()
		status.NotReady = c.WaitReady(ctx)
	}
	return status
}
