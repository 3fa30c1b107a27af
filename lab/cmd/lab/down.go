package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gatemend/gatemend/lab/cluster"
)

// newDown removes a cluster. That there is none is what was wanted.
func newDown(name *string) *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "Remove a cluster and every trace of it, whatever state it is in",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := cluster.Down(cmd.Context(), *name, cmd.ErrOrStderr())
			if errors.Is(err, cluster.ErrNotFound) {
				fmt.Fprintf(cmd.ErrOrStderr(), "there is no cluster %s\n", *name)
				return nil
			}
			return err
		},
	}
}
