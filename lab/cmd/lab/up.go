package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatemend/gatemend/lab/cluster"
)

// newUp makes a cluster.
func newUp(name *string) *cobra.Command {
	options := cluster.Options{Images: cluster.Images()}
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Make a cluster, or complete one that is half made",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			options.Name, options.Log = *name, cmd.ErrOrStderr()
			_, err := cluster.Up(cmd.Context(), options)
			return err
		},
	}
	cmd.Flags().IntVar(&options.Nodes, "nodes", 0, fmt.Sprintf("how many nodes at least, 1 to %d (default what is there, else 1)", cluster.MaxNodes))
	cmd.Flags().StringSliceVar(&options.Images, "images", options.Images, "images to load, of "+strings.Join(cluster.Images(), ", "))
	cmd.Flags().BoolVar(&options.Audit, "audit", false, "let the API server of a new cluster write an audit log")
	return cmd
}

// noArgs refuses arguments, as a wrong call.
func noArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("unexpected argument %q (%w)", args[0], errUsage)
	}
	return nil
}
