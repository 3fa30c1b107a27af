package cli

import (
	"strings"

	"github.com/spf13/cobra"
)

const completionLong = `Print a script that lets a shell complete gatemend's commands and flags.

  bash   source <(gatemend completion bash)
  zsh    source <(gatemend completion zsh)
  fish   gatemend completion fish | source`

func newCompletion(env Env) *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:       "completion SHELL",
		Short:     "Print a completion script for bash, zsh, fish or powershell",
		Long:      completionLong,
		Example:   "  gatemend completion bash",
		ValidArgs: shells,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("use one of "+strings.Join(shells, ", "), "completion needs the name of one shell")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(env.Out, true)
			case "zsh":
				return root.GenZshCompletion(env.Out)
			case "fish":
				return root.GenFishCompletion(env.Out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(env.Out)
			default:
				return usagef("use one of "+strings.Join(shells, ", "), "shell %q is not known", args[0])
			}
		},
	}
}
