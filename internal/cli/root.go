package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

const rootLong = `gatemend mends gateway errors in Kubernetes.

Your users get 502, 503 or 504. gatemend walks the request's path as the gateway would, from
listener to container port, compares what must happen with what the gateways' own logs say did
happen, and names the broken hop, the cause and the smallest change that mends it. It applies that
change only if you say so, checks on real traffic that the errors stop, and takes it back if not.

Start here:
  %[1]s diagnose                          what is failing in this cluster, and why
  %[1]s diagnose shop.example.com/cart    why this one fails
  %[1]s fix shop.example.com/cart         show the fix as a diff, ask, apply, verify
  %[1]s watch                             what is failing right now, until Ctrl-C

Without a cluster, or for somebody else's:
  %[1]s dump cluster.d                    write what a diagnosis reads to files, no Secret values
  %[1]s diagnose --from cluster.d         the same diagnosis from those files
  %[1]s explain 'connect() failed (111: Connection refused) while connecting to upstream'

gatemend only reads, except for 'fix' and 'watch --fix', which ask first unless told otherwise, and for 'controller',
which runs in a cluster and goes by the policies there.`

// New builds the command tree.
func New(env Env) *cobra.Command {
	if env.Program == "" {
		env.Program = "gatemend"
	}
	root := &cobra.Command{
		Use:           "gatemend",
		Short:         "Find out why a gateway answers 502, 503 or 504, and mend it",
		Long:          fmt.Sprintf(rootLong, env.Program),
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: env.Program},
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			hint := didYouMean(cmd.SuggestionsFor(args[0]))
			if hint == "" {
				hint = "see '" + env.Program + " --help'"
			}
			return usagef(hint, "unknown command %q", args[0])
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(env.In)
	root.SetOut(env.Out)
	root.SetErr(env.Err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("see '"+cmd.CommandPath()+" --help'", "%v", err)
	})
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(
		newDiagnose(env), newFix(env), newWatch(env), newDump(env), newLogs(env), newExplain(env),
		newPolicy(env), newHistory(env), newInstall(env), newStop(env), newResume(env), newController(env), newAgent(env),
		newApprove(env), newReject(env),
		newVersion(env), newCompletion(env), newExitCodes(),
	)
	for _, c := range root.Commands() {
		c.DisableFlagsInUseLine = true
		c.Example = strings.ReplaceAll(c.Example, "gatemend ", env.Program+" ")
	}
	return root
}

// Main runs one command line and gives its exit status. It prints what the command's error has to say.
func Main(ctx context.Context, env Env, args []string) Exit {
	root := New(env)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	// Whatever was under way when a person stopped the command failed for that reason.
	if err != nil && errors.Is(ctx.Err(), context.Canceled) && !silent(err) && !errors.Is(err, errInterrupted) {
		err = errInterrupted
	}
	if err != nil && !silent(err) {
		fmt.Fprintf(env.Err, "gatemend: %s\n", strings.ReplaceAll(err.Error(), "\n", "\n          "))
	}
	return exitOf(err)
}
