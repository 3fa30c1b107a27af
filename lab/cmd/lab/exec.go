package main

import (
	"errors"
	"fmt"
	"os/exec"

	"github.com/spf13/cobra"

	"github.com/gatemend/gatemend/lab/cluster"
)

// errPassedOn marks the failure of a program that the user asked to run: it
// has explained itself, and its exit status becomes ours.
var errPassedOn = errors.New("the program failed")

// newExec runs a program of the host in a cluster's namespace.
func newExec(name *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "exec -- PROGRAM [ARGUMENT...]",
		Short:   "Run a program of this machine inside the cluster's network, with KUBECONFIG set",
		Example: "  lab exec -- curl -k https://10.96.0.1/version\n  lab exec -- gatemend diagnose",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fmt.Errorf("no program given (%w)", errUsage)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runInside(cmd, *name, args) },
	}
	// What follows the program's name is the program's.
	cmd.Flags().SetInterspersed(false)
	return cmd
}

// runInside runs a program with this one's standard streams. When this one is
// told to stop, so is the program, and its reaction is awaited.
func runInside(cmd *cobra.Command, name string, argv []string) error {
	c, err := open(name)
	if err != nil {
		return err
	}
	err = c.Exec(cmd.Context(), argv, cluster.Stdio{In: cmd.InOrStdin(), Out: cmd.OutOrStdout(), Err: cmd.ErrOrStderr()})
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		return fmt.Errorf("%w: %w", errPassedOn, err)
	}
	return err
}

// open finds a cluster that programs are to run in.
func open(name string) (*cluster.Cluster, error) {
	if err := cluster.Check(); err != nil {
		return nil, err
	}
	return cluster.Open(name)
}
