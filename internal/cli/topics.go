package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// newExitCodes is a help topic: 'gatemend help exit-codes'.
func newExitCodes() *cobra.Command {
	var b strings.Builder
	b.WriteString("The exit status says what was found. It is the same for every output format.\n\n")
	for _, e := range Exits() {
		fmt.Fprintf(&b, "  %d  %-32s %s\n", e.Exit, e.Means, e.When)
	}
	b.WriteString("\n'Could not look' is never reported as 'nothing is wrong': where a permission is missing that a\n" +
		"verdict would need, the status is 3.")
	return &cobra.Command{Use: "exit-codes", Short: "What the exit statuses mean", Long: b.String()}
}
