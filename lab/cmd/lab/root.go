package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatemend/gatemend/lab/cluster"
)

// errUsage marks a wrong call.
var errUsage = errors.New("see lab --help")

// newRoot lists the commands; each has a file of its own.
func newRoot() *cobra.Command {
	var name string
	root := &cobra.Command{
		Use:   "lab",
		Short: "Real Kubernetes clusters on this machine",
		Long: `lab makes real Kubernetes clusters on one Linux machine: etcd, kube-apiserver,
its controllers, and per node a containerd, a kubelet and a kube-proxy, in
network namespaces of their own. The first time, everything is compiled, which
takes some minutes; later a cluster is up in seconds.`,
		Example: `  lab up
  lab kubectl get nodes
  lab exec -- curl -k https://10.96.0.1/version
  lab down`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			hint := ""
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				hint = ", did you mean " + strings.Join(near, " or ") + "?"
			}
			return fmt.Errorf("unknown command %q%s (%w)", args[0], hint, errUsage)
		},
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.PersistentFlags().StringVar(&name, "name", cluster.DefaultName, "name of the cluster; several can run side by side")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return fmt.Errorf("%w (%w)", err, errUsage) })
	root.CompletionOptions.HiddenDefaultCmd = true
	// Flags before the command are read even if the command passes all flags
	// after it on, as kubectl does.
	root.TraverseChildren = true
	root.SuggestionsMinimumDistance = 2
	root.AddCommand(
		newUp(&name),
		newDown(&name),
		newStatus(&name),
		newKubectl(&name),
		newExec(&name),
		newLogs(&name),
		newBinaries(),
		newDemo(&name), newMTTR(&name),
		newRecord(&name),
	)
	return root
}
