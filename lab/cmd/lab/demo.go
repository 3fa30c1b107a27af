package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gatemend/gatemend/lab/demo"
	"github.com/gatemend/gatemend/lab/fault"
)

// newDemo shows gatemend at work, fault by fault.
func newDemo(name *string) *cobra.Command {
	options := demo.Options{}
	var faults []string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Break the shop in one way after another and let gatemend mend it",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			options.Name, options.Out = *name, cmd.OutOrStdout()
			var err error
			if options.Faults, err = chosen(faults); err != nil {
				return err
			}
			_, err = demo.Run(cmd.Context(), options)
			return err
		},
	}
	cmd.Flags().StringVar(&options.Gatemend, "gatemend", "gatemend", "the gatemend program")
	cmd.Flags().StringSliceVar(&faults, "fault", nil, "only these faults, in this order")
	return cmd
}

// chosen finds the named faults; without names it gives those that the demo shows.
func chosen(names []string) ([]fault.Fault, error) {
	if len(names) == 0 {
		return demo.Faults()
	}
	var out []fault.Fault
	for _, name := range names {
		f, err := fault.Find(name)
		if err != nil {
			return nil, fmt.Errorf("%w (%w)", err, errUsage)
		}
		out = append(out, f)
	}
	return out, nil
}
