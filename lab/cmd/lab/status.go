package main

import (
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/gatemend/gatemend/lab/cluster"
)

// errNotUp says that a cluster is not, or not wholly, running.
var errNotUp = errors.New("not up; `lab up` completes it")

// newStatus shows what runs.
func newStatus(name *string) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show what of a cluster runs; exit status 1 unless all of it does",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := cluster.Open(*name)
			if err != nil {
				return err
			}
			status := c.Status(cmd.Context())
			out := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
			fmt.Fprintln(out, "COMPONENT\tRUNS\tPID\tLOG")
			for _, component := range status.Components {
				runs, pid := "no", "-"
				if component.Running {
					runs, pid = "yes", fmt.Sprint(component.PID)
				}
				fmt.Fprintf(out, "%s\t%s\t%s\t%s\n", component.Name, runs, pid, component.Log)
			}
			if err := out.Flush(); err != nil {
				return fmt.Errorf("write status: %w", err)
			}
			if status.NotReady != nil {
				return fmt.Errorf("cluster %s: %w (%w)", c.Name(), errNotUp, status.NotReady)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "\ncluster %s is up; inside it (nsenter --net=%s) KUBECONFIG=%s\n", c.Name(), c.Namespace(), c.Kubeconfig())
			return nil
		},
	}
}
