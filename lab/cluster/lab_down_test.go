//go:build lab && linux

package cluster

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/lab/cluster/mount"
	"github.com/gatemend/gatemend/lab/cluster/netns"
	"github.com/gatemend/gatemend/lab/cluster/process"
)

func TestKilledInTheMiddleOfUp(t *testing.T) {
	const name = "e2e-kill"
	l, err := newLayout(name)
	if err != nil {
		t.Fatal(err)
	}
	// Each is the sign that a step was reached; the kill hits the next one.
	for _, sign := range []string{
		l.spec(), l.record("containerd-node1"), l.record("etcd"), l.record("kube-apiserver"), l.record("kubelet-node1"),
	} {
		t.Run(filepath.Base(sign), func(t *testing.T) {
			fresh(t, name)
			killUpAt(t, name, sign)
			takeDown(t, &Cluster{layout: l})
		})
	}
	t.Run("resume", func(t *testing.T) {
		fresh(t, name)
		killUpAt(t, name, l.record("etcd"))
		ctx := within(t, 5*time.Minute)
		c, err := Up(ctx, Options{Name: name, Log: logWriter{t}})
		if err != nil {
			t.Fatal(err)
		}
		if status := c.Status(ctx); status.NotReady != nil {
			t.Errorf("after up on a half made cluster: %v", status.NotReady)
		}
		takeDown(t, c)
	})
}

// killUpAt runs Up in a process of its own and kills it when the file appears.
func killUpAt(t *testing.T, name, sign string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), upInChild+"="+name)
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ctx := within(t, 25*time.Minute)
	for !present(sign) && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	cmd.Process.Kill()
	// The components hold its standard error open; its end is enough.
	cmd.WaitDelay = time.Second
	var ended *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &ended) || ended.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("up was not killed in the middle: %v\n%s", err, log.String())
	}
}

// takeDown takes a cluster down and looks for what it left.
func takeDown(t *testing.T, c *Cluster) {
	t.Helper()
	l := c.layout
	traces := l.traces()
	// Something that a user left running inside must go as well.
	var stray *exec.Cmd
	if exists, err := netns.Exists(l.node(1).Namespace); err == nil && exists {
		if stray, err = c.Command(context.Background(), "sleep", "600"); err != nil {
			t.Fatal(err)
		}
		if err := stray.Start(); err != nil {
			t.Fatal(err)
		}
	}
	if err := Down(within(t, time.Minute), l.name, logWriter{t}); err != nil {
		t.Fatal(err)
	}
	if stray != nil && stray.Wait() == nil {
		t.Error("a program in the cluster outlived it")
	}
	if present(l.dir) {
		t.Errorf("%s is left", l.dir)
	}
	for _, node := range l.nodes(MaxNodes) {
		if present(netns.Path(node.Namespace)) {
			t.Errorf("network namespace %s is left", node.Namespace)
		}
	}
	if points, err := mount.Below(l.dir); err != nil || len(points) > 0 {
		t.Errorf("mounts are left: %v, %v", points, err)
	}
	for _, trace := range append(traces, l.traces()...) {
		if _, err := os.Lstat(trace); err == nil {
			t.Errorf("%s is left", trace)
		}
	}
	if left, err := process.Find(process.Scope{State: l.dir}); err != nil || len(left) > 0 {
		t.Errorf("processes are left: %v, %v", left, err)
	}
	// Independently of marks: nothing has the state folder in its arguments.
	for _, path := range glob("/proc/[0-9]*/cmdline") {
		if line, err := os.ReadFile(path); err == nil && bytes.Contains(line, []byte(l.dir+"/")) {
			t.Errorf("left: %s", bytes.ReplaceAll(line, []byte{0}, []byte{' '}))
		}
	}
	if err := Down(within(t, time.Minute), l.name, nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("a second Down = %v, want ErrNotFound", err)
	}
}

// TestUpAfterTheMachineStopped keeps the files of a cluster and takes away
// what a restart of the machine takes: processes, mounts and namespaces.
func TestUpAfterTheMachineStopped(t *testing.T) {
	const name = "e2e-restart"
	fresh(t, name)
	ctx := within(t, 25*time.Minute)
	options := Options{Name: name, Images: []string{"shop"}, Log: logWriter{t}}
	c, err := Up(ctx, options)
	if err != nil {
		t.Fatal(err)
	}
	client, err := c.client()
	if err != nil {
		t.Fatal(err)
	}
	pod := runShop(ctx, t, client, c.Nodes()[0])
	l := c.layout
	if err := l.stop([]string{name}); err != nil {
		t.Fatal(err)
	}
	if c, err = Up(ctx, options); err != nil {
		t.Fatal(err)
	}
	eventually(ctx, t, "the pod answers again", func() error {
		now, err := client.CoreV1().Pods(pod.Namespace).Get(ctx, pod.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		_, err = get(ctx, c, now.Status.PodIP+":8080")
		return err
	})
	takeDown(t, c)
}
