package main

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatemend/gatemend/lab/demo"
	"github.com/gatemend/gatemend/lab/fault"
)

// newMTTR measures how long clients get errors, with gatemend and without.
func newMTTR(name *string) *cobra.Command {
	options := demo.MeasureOptions{}
	var faults []string
	cmd := &cobra.Command{
		Use:   "mttr",
		Short: "Measure how long every fault lasts with gatemend, and without",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			options.Name, options.Out = *name, cmd.OutOrStdout()
			options.Faults = fault.All()
			if len(faults) > 0 {
				var err error
				if options.Faults, err = chosen(faults); err != nil {
					return err
				}
			}
			all, err := demo.Measure(cmd.Context(), options)
			return errors.Join(err, demo.MeasuredTable(cmd.OutOrStdout(), all))
		},
	}
	cmd.Flags().StringVar(&options.Gatemend, "gatemend", "gatemend", "the gatemend program")
	cmd.Flags().StringSliceVar(&faults, "fault", nil, "only these faults, in this order")
	cmd.Flags().BoolVar(&options.Unasked, "unasked", false, "nobody agrees in advance to repairs that take a person's yes: gatemend must leave them to a person")
	cmd.Flags().IntVar(&options.Runs, "runs", 5, "how often each fault is tried")
	cmd.Flags().DurationVar(&options.Alone, "alone", time.Minute, "how long each fault is also left to itself at most; 0: it is not")
	cmd.Flags().IntVar(&options.Alones, "alones", 1, "how often each fault is left to itself")
	cmd.Flags().StringVar(&options.Kept, "kept", "", "file in which every run is kept as it ends; those that are in it are not made again")
	cmd.Flags().StringVar(&options.Records, "records", "", "folder in which gatemend's events and journals of every run are kept")
	return cmd
}
