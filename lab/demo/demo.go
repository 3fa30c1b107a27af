package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gatemend/gatemend/lab/cluster"
	"github.com/gatemend/gatemend/lab/fault"
	"github.com/gatemend/gatemend/lab/load"
	"github.com/gatemend/gatemend/lab/manifest"
)

// ErrFailed says that the demo ran to its end and not every fault was seen, rightly named, mended and
// verified. The table says which.
var ErrFailed = errors.New("not every fault was detected, rightly named, mended and verified")

// downWithin bounds the removal of the cluster after an interrupt.
const downWithin = 2 * time.Minute

// Options says what to show.
type Options struct {
	Name     string        // of the cluster; empty means the lab's default
	Gatemend string        // path of the program
	Faults   []fault.Fault // in this order
	// Apart gives each fault a gatemend of its own, which knows nothing of those before: one that has
	// rolled a Deployment back will not do so a second time.
	Apart bool
	// Unasked says that nobody agrees in advance to repairs that take a person's yes.
	Unasked bool
	Out     io.Writer
}

type demo struct {
	out      io.Writer
	cluster  *cluster.Cluster
	client   *manifest.Client
	targets  []load.Target
	gatemend *gatemend
	agreed   bool // in advance, to what takes a person's yes
	events   *events
	audit    auditLog
}

// Run brings the cluster up and goes through the faults. The cluster stays up afterwards, for a
// look around; after an interrupt it is removed. The results of all faults that were tried are
// returned in any case.
func Run(ctx context.Context, o Options) (results []Result, err error) {
	d := &demo{out: o.Out}
	defer func() {
		if ctx.Err() == nil {
			return
		}
		d.say("interrupted: removing the cluster")
		down, cancel := context.WithTimeout(context.WithoutCancel(ctx), downWithin)
		defer cancel()
		err = errors.Join(err, cluster.Down(down, o.Name, o.Out))
	}()
	if err := d.prepare(ctx, o); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "gatemend-demo-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for gatemend's records: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for i, f := range o.Faults {
		if d.gatemend == nil || o.Apart {
			stop, err := d.start(ctx, o.Gatemend, filepath.Join(dir, strconv.Itoa(i)))
			if err != nil {
				return results, err
			}
			defer stop()
		}
		result, err := d.round(ctx, f)
		results = append(results, result)
		if err == nil {
			err = d.restore(ctx, f)
		}
		if err != nil {
			return results, err
		}
	}
	d.headline("what happened")
	if err := Table(o.Out, results); err != nil {
		return results, err
	}
	for _, r := range results {
		if len(r.Problems()) > 0 {
			return results, ErrFailed
		}
	}
	return results, nil
}

// prepare brings up the cluster and the shop in its right state.
func (d *demo) prepare(ctx context.Context, o Options) error {
	var err error
	d.agreed = !o.Unasked
	d.headline("a real cluster: etcd, kube-apiserver, kubelet, containerd, kube-proxy")
	if d.cluster, err = cluster.Up(ctx, cluster.Options{Name: o.Name, Images: cluster.Images(), Audit: true, Log: o.Out}); err != nil {
		return err
	}
	d.audit = auditLog(d.cluster.AuditLog())
	config, err := d.cluster.RESTConfig()
	if err != nil {
		return err
	}
	if d.client, err = manifest.New(config); err != nil {
		return err
	}
	d.headline("the shop (web, cart, api) behind nginx, Contour with Envoy, and HAProxy")
	if err := d.client.Install(ctx, func(line string) { d.say("%s", line) }); err != nil {
		return err
	}
	if err := d.client.Grant(ctx); err != nil {
		return err
	}
	if err := d.client.Reset(ctx); err != nil {
		return err
	}
	d.targets, err = targetsOf(ctx, d.client)
	return err
}

// start begins to watch in place of the gatemend that did so before. Its records are in files that
// begin with prefix.
func (d *demo) start(ctx context.Context, program, prefix string) (stop func(), err error) {
	if d.gatemend != nil {
		d.gatemend.stop()
	}
	d.events = &events{path: prefix + "-events.jsonl"}
	args := unattended(d.agreed)
	d.headline("gatemend %s", strings.Join(args, " "))
	if d.gatemend, err = watch(ctx, d.cluster, program, args, d.events.path, prefix+"-journal.jsonl", d.out); err != nil {
		return nil, err
	}
	g := d.gatemend
	return g.stop, d.await(ctx, "gatemend to follow the gateways' logs", time.Minute, func() (bool, error) {
		err := d.events.poll()
		return len(d.events.all) > 0, err
	})
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.out, format+"\n", args...) }

func (d *demo) headline(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	d.say("\n== %s %s", text, strings.Repeat("=", max(0, 74-len(text))))
}

// hostOf is the host of a route as gatemend prints it: "shop.example.com/cart".
func hostOf(route string) string {
	host, _, _ := strings.Cut(route, "/")
	return host
}
