package demo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/gatemend/gatemend/lab/cluster"
	"github.com/gatemend/gatemend/lab/fault"
	"github.com/gatemend/gatemend/lab/load"
)

// enough is how long errors are recorded: long enough for probes to fail a few times, for the kubelet to
// give up pulling an image whose registry does not answer, and for events to be written.
const enough = 20 * time.Second

// Expectation is the right answer for a recorded dump, in its file expect.yaml.
type Expectation struct {
	Fault   string   `json:"fault"`
	Title   string   `json:"title"`
	Gateway string   `json:"gateway"`
	Route   string   `json:"route"`
	Causes  []string `json:"causes"`
	Object  string   `json:"object"`
}

// Record breaks the shop in one way after another. For each it writes what gatemend reads, with
// `gatemend dump`, to dir/FAULT/dump, and beside it the right answer.
func Record(ctx context.Context, o Options, dir string) error {
	d := &demo{out: o.Out}
	if err := d.prepare(ctx, o); err != nil {
		return err
	}
	for _, f := range o.Faults {
		if err := d.record(ctx, o.Gatemend, f, filepath.Join(dir, f.Name)); err != nil {
			return fmt.Errorf("record %s: %w", f.Name, err)
		}
	}
	return nil
}

func (d *demo) record(ctx context.Context, gatemend string, f fault.Fault, dir string) error {
	run, err := load.Start(ctx, d.cluster.DialContext, d.targets, load.Limits{
		Rate: recordRate, Count: int(recordRate * roundLimit.Seconds()), Duration: roundLimit,
	})
	if err != nil {
		return err
	}
	defer run.Stop()
	if err := d.await(ctx, "every route to answer well", mendLimit, func() (bool, error) { return calm(run.Report()), nil }); err != nil {
		return err
	}
	d.headline("recording %s: %s", f.Name, f.Title)
	if err := d.forget(ctx); err != nil {
		return err
	}
	injected := time.Now()
	if err := f.Inject(ctx, d.client); err != nil {
		return err
	}
	err = d.await(ctx, "errors to be recorded", mendLimit, func() (bool, error) {
		r := reportOf(run.Report(), f.Route)
		return !r.FirstError.IsZero() && time.Since(r.FirstError) >= enough, nil
	})
	if err != nil {
		return err
	}
	// A recorded folder is replaced as a whole: a dump refuses to write over an older one.
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove the former recording: %w", err)
	}
	if err := d.cluster.Exec(ctx, []string{gatemend, "dump", filepath.Join(dir, "dump"), "--since", time.Since(injected).Round(time.Second).String()}, cluster.Stdio{Out: d.out, Err: d.out}); err != nil {
		return err
	}
	text, err := yaml.Marshal(Expectation{
		Fault: f.Name, Title: f.Title, Gateway: f.Gateway, Route: f.Route, Causes: f.WantCauses, Object: f.WantObject,
	})
	if err != nil {
		return fmt.Errorf("write the right answer: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "expect.yaml"), text, 0o644); err != nil {
		return fmt.Errorf("write the right answer: %w", err)
	}
	return f.Restore(ctx, d.client)
}

// forget removes the events of earlier faults, which would be most of a dump otherwise.
func (d *demo) forget(ctx context.Context) error {
	namespaces, err := d.client.Kube.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list namespaces: %w", err)
	}
	for _, n := range namespaces.Items {
		if err := d.client.Kube.CoreV1().Events(n.Name).DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
			return fmt.Errorf("delete events in %s: %w", n.Name, err)
		}
	}
	return nil
}

// recordRate keeps the recorded logs short.
const recordRate = 5
