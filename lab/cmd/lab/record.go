package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gatemend/gatemend/lab/demo"
	"github.com/gatemend/gatemend/lab/fault"
)

// newRecord writes the dumps on which gatemend can be tried without a cluster.
func newRecord(name *string) *cobra.Command {
	options := demo.Options{}
	var faults []string
	cmd := &cobra.Command{
		Use:   "record DIR",
		Short: "Break the shop in every way and write what gatemend reads to DIR/FAULT",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			options.Name, options.Out, options.Faults = *name, cmd.OutOrStdout(), fault.All()
			if len(faults) > 0 {
				var err error
				if options.Faults, err = chosen(faults); err != nil {
					return err
				}
			}
			if err := demo.Record(cmd.Context(), options, args[0]); err != nil {
				return fmt.Errorf("record: %w", err)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&options.Gatemend, "gatemend", "gatemend", "the gatemend program")
	cmd.Flags().StringSliceVar(&faults, "fault", nil, "only these faults, in this order")
	return cmd
}
