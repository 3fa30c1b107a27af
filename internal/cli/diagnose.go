package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/printer"
	"github.com/gatemend/gatemend/internal/watch"
)

const diagnoseLong = `Say which hop of a request's path is broken, why, since when, and what would mend it.

Without TARGET, everything that is failing is diagnosed; with -n, all of one namespace.
TARGET is a URL or HOST/PATH, ingress/NAME, httproute/NAME, service/NAME, deployment/NAME, pod/NAME or
ns/NAME. Short names work as in kubectl; KIND/NAMESPACE/NAME names the namespace too.

Reads the objects that a request meets, the gateways' logs of the last minutes, and, where they would
tell more, the last lines of failing application containers. Writes nothing unless --probe-container is given.
Values of Secrets are dropped as soon as they are read.

What could not be looked at is listed in the answer; while anything is, nothing is called healthy.
Exit status: 'gatemend help exit-codes'.`

type diagnoseOptions struct {
	env    Env
	scope  scope
	format outputFlags
	since  time.Duration
	probe  bool
	guest  bool   // let containers join pods for probes
	image  string // of these

	targets []model.Target
}

func newDiagnose(env Env) *cobra.Command {
	o := &diagnoseOptions{env: env}
	cmd := &cobra.Command{
		Use:   "diagnose [TARGET...]",
		Short: "Say what is failing behind the gateways, and why",
		Long:  diagnoseLong,
		Example: `  gatemend diagnose
  gatemend diagnose https://shop.example.com/cart
  gatemend diagnose ingress/shop service/cart -n shop
  gatemend diagnose --from cluster.d --logs logs.d -o json
  kubectl get all,ing,endpointslices,events -A -o yaml | gatemend diagnose --from -`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(args); err != nil {
				return err
			}
			if err := o.validate(); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	o.scope.add(cmd.Flags())
	o.scope.addFiles(cmd.Flags())
	o.format.add(cmd.Flags(), outputText, outputWide, outputJSON, outputYAML)
	cmd.Flags().BoolVar(&o.scope.dataPlane, "data-plane", false, "also ask the gateways themselves which endpoints they have loaded (read-only; needs pods/portforward or pods/exec)")
	cmd.Flags().DurationVar(&o.since, "since", 5*time.Minute, "how far back to read the gateways' logs on a cluster")
	cmd.Flags().BoolVar(&o.probe, "probe", false, "also send a few requests: through the gateway, to the Service and to its pods; needs config/rbac/prober.yaml")
	cmd.Flags().BoolVar(&o.guest, "probe-container", false, "with --probe: where a pod's own containers cannot tell on which addresses it listens, add an ephemeral container to the pod that looks; this changes the pod: the entry stays in its spec until the pod is replaced")
	cmd.Flags().StringVar(&o.image, "probe-image", "busybox:1.37", "with --probe-container: the image, which needs sh and cat")
	return cmd
}

func (o *diagnoseOptions) complete(args []string) error {
	for _, a := range args {
		t, err := parseTarget(a)
		if err != nil {
			return err
		}
		o.targets = append(o.targets, t)
	}
	o.scope.complete()
	return nil
}

func (o *diagnoseOptions) validate() error {
	if err := o.scope.validate(); err != nil {
		return err
	}
	if o.probe && o.scope.from != "" {
		return usagef("leave out one of the two: a dump cannot be asked anything", "--probe with --from")
	}
	if o.guest && !o.probe {
		return usagef("add --probe", "--probe-container without --probe")
	}
	if o.guest && o.image == "" {
		return usagef("for example: --probe-image busybox:1.37", "--probe-image is empty")
	}
	if o.since <= 0 {
		return usagef("give a length of time such as 5m", "--since %s", o.since)
	}
	return o.format.validate(outputText, outputWide, outputJSON, outputYAML)
}

func (o *diagnoseOptions) run(ctx context.Context) error {
	l, err := o.scope.look(ctx, o.env, o.since)
	if err != nil {
		return err
	}
	l.Probe = o.probe
	if o.guest {
		l.Guest = o.image
	}
	targets, err := o.resolved(l)
	if err != nil {
		return err
	}
	ds := make([]model.Diagnosis, 0, len(targets))
	for _, t := range targets {
		ds = append(ds, l.Diagnose(ctx, t))
	}
	if err := o.print(ds); err != nil {
		return err
	}
	o.hint(l, ds)
	return advised(worst(ds), l.Snapshot, o.scope.from != "")
}

// resolved looks every target up before anything is printed.
func (o *diagnoseOptions) resolved(l *watch.Look) ([]model.Target, error) {
	if len(o.targets) == 0 {
		o.targets = []model.Target{o.scope.everything()}
	}
	var out []model.Target
	for _, t := range o.targets {
		t, err := resolve(t, l.Snapshot, o.scope.namespace)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

func (o *diagnoseOptions) print(ds []model.Diagnosis) error {
	if o.format.output == outputText || o.format.output == outputWide {
		for i, d := range ds {
			if i > 0 {
				fmt.Fprintln(o.env.Out)
			}
			if err := printer.Diagnosis(o.env.Out, d, o.format.style(o.env.Terminal)); err != nil {
				return err
			}
		}
		return nil
	}
	var doc any = printer.Diagnoses(ds)
	if len(ds) == 1 {
		doc = ds[0]
	}
	if o.format.output == outputJSON {
		return printer.JSON(o.env.Out, doc)
	}
	return printer.YAML(o.env.Out, doc)
}

// hint says on stderr what a person may have mistyped: a host that no route serves.
func (o *diagnoseOptions) hint(l *watch.Look, ds []model.Diagnosis) {
	for _, d := range ds {
		if d.Target.Request == nil || d.Target.Request.Host == "" {
			continue
		}
		if names := nearHosts(l.Snapshot, *d.Target.Request); len(names) > 0 {
			fmt.Fprintf(o.env.Err, "gatemend: no route serves host %q: %s\n", d.Target.Request.Host, didYouMean(names))
		}
	}
}

// worst gives the error for several diagnoses: something wrong comes before something unknown.
func worst(ds []model.Diagnosis) error {
	var worst error
	for _, d := range ds {
		err := judge(d)
		if errors.Is(err, errWrong) {
			return err
		}
		if worst == nil {
			worst = err
		}
	}
	return worst
}
