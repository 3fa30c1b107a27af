package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/gatemend/gatemend/internal/proxy/all"
)

const dumpLong = `Write what a diagnosis reads to files, for 'gatemend diagnose --from'.

DIR gets one file for each kind of object, and in DIR/logs what the gateways logged in the last minutes
and the last lines of failing application containers. Secrets are left out, and what looks like a
credential is blotted out. DIR must be empty or not exist.

With -n, that namespace is enough where you may not list all of them.`

type dumpOptions struct {
	env   Env
	kube  *genericclioptions.ConfigFlags
	since time.Duration
	dir   string
}

func newDump(env Env) *cobra.Command {
	o := &dumpOptions{env: env}
	cmd := &cobra.Command{
		Use:     "dump DIR",
		Short:   "Write what a diagnosis reads to files, without Secret values",
		Long:    dumpLong,
		Example: "  gatemend dump cluster.d\n  gatemend dump shop.d -n shop",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("for example: gatemend dump cluster.d", "dump needs one folder to write to, not %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.dir = args[0]
			return o.run(cmd.Context())
		},
	}
	o.kube = kubeFlags(cmd.Flags())
	cmd.Flags().DurationVar(&o.since, "since", 5*time.Minute, "how far back to read the gateways' logs")
	return cmd
}

func (o *dumpOptions) run(ctx context.Context) error {
	cluster, err := o.env.Connect(o.kube, all.Formats{})
	if err != nil {
		return err
	}
	unseen, err := cluster.WriteDump(ctx, o.dir, *o.kube.Namespace, o.env.Now().Add(-o.since))
	if err != nil {
		return err
	}
	for _, u := range unseen {
		fmt.Fprintf(o.env.Err, "gatemend: could not read %s: %s\n", u.What, u.Why)
	}
	_, err = fmt.Fprintf(o.env.Out, "wrote %s; try: gatemend diagnose --from %s\n", o.dir, o.dir)
	return err
}
