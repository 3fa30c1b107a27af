package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatemend/gatemend/lab/cluster"
)

// newLogs prints what a component has written.
func newLogs(name *string) *cobra.Command {
	return &cobra.Command{
		Use:     "logs COMPONENT",
		Short:   "Print the log of a component, as `lab status` names it",
		Example: "  lab logs kubelet-node1",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("want the name of one component (%w)", errUsage)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := cluster.Open(*name)
			if err != nil {
				return err
			}
			if !slices.Contains(c.Components(), args[0]) {
				return fmt.Errorf("no component %q: want one of %s (%w)", args[0], strings.Join(c.Components(), ", "), errUsage)
			}
			file, err := os.Open(c.LogFile(args[0]))
			if err != nil {
				return fmt.Errorf("read log of %s: %w", args[0], err)
			}
			defer file.Close()
			if _, err := io.Copy(cmd.OutOrStdout(), file); err != nil {
				return fmt.Errorf("print log of %s: %w", args[0], err)
			}
			return nil
		},
	}
}
