package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/printer"
)

type versionOptions struct {
	env    Env
	output string
}

func newVersion(env Env) *cobra.Command {
	o := &versionOptions{env: env}
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Say which gatemend this is",
		Example: "  gatemend version\n  gatemend version -o json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := o.validate(); err != nil {
				return err
			}
			return o.run()
		},
	}
	cmd.Flags().StringVarP(&o.output, "output", "o", outputText, "text, json or yaml")
	return cmd
}

func (o *versionOptions) validate() error { return validOutput(o.output) }

// versionDoc is what version prints as data.
type versionDoc struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Build
}

func (o *versionOptions) run() error {
	b := o.env.Build
	doc := versionDoc{APIVersion: model.APIVersion, Kind: "Version", Build: b}
	switch o.output {
	case outputJSON:
		return printer.JSON(o.env.Out, doc)
	case outputYAML:
		return printer.YAML(o.env.Out, doc)
	}
	text := []string{"gatemend " + b.Version}
	if b.Commit != "" {
		text = append(text, "commit "+b.Commit)
	}
	if b.Date != "" {
		text = append(text, "of "+b.Date)
	}
	_, err := fmt.Fprintf(o.env.Out, "%s (%s, %s)\n", strings.Join(text, " "), b.GoVersion, b.Platform)
	return err
}
