package main

import (
	"github.com/spf13/cobra"

	"github.com/gatemend/gatemend/lab/binary"
)

// newKubectl runs the lab's kubectl against a cluster. All flags after the
// command are kubectl's, so the cluster's name is given before it.
func newKubectl(name *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "kubectl ARGUMENT...",
		Short:   "Run kubectl against a cluster (lab --name NAME kubectl ... for another one)",
		Example: "  lab kubectl get pods -A",
		RunE: func(cmd *cobra.Command, args []string) error {
			// Before kubectl is built: without a cluster it is of no use.
			if _, err := open(*name); err != nil {
				return err
			}
			store, err := binary.Open("", ".", cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			programs, err := store.Ensure(cmd.Context(), "kubectl")
			if err != nil {
				return err
			}
			return runInside(cmd, *name, append([]string{programs["kubectl"]}, args...))
		},
	}
	cmd.DisableFlagParsing = true
	return cmd
}
