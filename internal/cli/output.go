package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gatemend/gatemend/internal/printer"
)

// The output formats.
const (
	outputText = "text"
	outputWide = "wide" // text that leaves nothing out
	outputJSON = "json"
	outputYAML = "yaml"
)

// outputFlags are -o and --color.
type outputFlags struct {
	output string
	color  string
}

func (f *outputFlags) add(flags *pflag.FlagSet, formats ...string) {
	flags.StringVarP(&f.output, "output", "o", outputText, "format of the result: "+strings.Join(formats, ", "))
	flags.StringVar(&f.color, "color", "auto", "auto, always or never; auto means: on a terminal, and NO_COLOR is not set")
}

func (f *outputFlags) validate(formats ...string) error {
	if !slices.Contains([]string{"auto", "always", "never"}, f.color) {
		return usagef("use auto, always or never", "--color %q", f.color)
	}
	return validOutput(f.output, formats...)
}

func (f *outputFlags) style(t Terminal) printer.Style {
	s := printer.Style{Width: t.Width, Wide: f.output == outputWide}
	s.Color = f.color == "always" || (f.color == "auto" && t.Out && !t.NoColor)
	return s
}

// validOutput checks -o against the formats, by default all three.
func validOutput(output string, formats ...string) error {
	if len(formats) == 0 {
		formats = []string{outputText, outputJSON, outputYAML}
	}
	if !slices.Contains(formats, output) {
		return usagef("use "+strings.Join(formats, ", "), "output format %q is not known", output)
	}
	return nil
}

// noArgs and maxArgs are cobra's argument checks as errors of usage.
func noArgs(cmd *cobra.Command, args []string) error { return maxArgs(0)(cmd, args) }

func maxArgs(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) <= n {
			return nil
		}
		return usagef("see '"+cmd.CommandPath()+" --help'", "unexpected argument %q", args[n])
	}
}
