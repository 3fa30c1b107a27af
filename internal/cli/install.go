package cli

import (
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatemend/gatemend/internal/install"
)

func newInstall(env Env) *cobra.Command {
	var o install.Options
	var show bool
	cmd := &cobra.Command{
		Use:   "install --print",
		Short: "Print the manifests that run gatemend in a cluster",
		Long: `Print the manifests that run gatemend's controller in a cluster: namespace, CRDs, admission policy, roles,
Deployment, NetworkPolicy and PodDisruptionBudget. They are those of the Helm chart charts/gatemend, which has more
settings. Nothing is applied: read them, then apply them, server-side as the CRDs are large.

With --agent there is a DaemonSet of agents, too, and Secrets with certificates for them and the controller: keep what is printed
to yourself. The certificates hold for a year; print and apply again before that.`,
		Example: `  gatemend install --print --mode observe | kubectl apply --server-side -f -
  gatemend install --print --mode auto --image registry.example.com/gatemend:1.2.3 > gatemend.yaml
  gatemend install --print --agent | kubectl apply --server-side -f -
  gatemend install --print --namespaced --namespace shop | kubectl apply --server-side -f -`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			if !show {
				return usagef("gatemend install --print | kubectl apply --server-side -f -", "install applies nothing itself; --print prints the manifests")
			}
			o.Now, o.Random = env.Now(), rand.Reader
			text, err := install.Manifests(o)
			if err != nil {
				return usagef("see 'gatemend install --help'", "%v", err)
			}
			_, err = fmt.Fprint(env.Out, text)
			return err
		},
	}
	f := cmd.Flags()
	f.BoolVar(&show, "print", false, "print the manifests")
	f.StringVar(&o.Mode, "mode", "propose", "how far it goes: "+strings.Join(install.Modes(), ", "))
	f.BoolVar(&o.Namespaced, "namespaced", false, "look at its own namespace only, with Roles in place of ClusterRoles")
	f.StringVarP(&o.Namespace, "namespace", "n", install.Namespace, "namespace to run in")
	f.StringVar(&o.Image, "image", "", "image of the controller; default: that of the release")
	f.BoolVar(&o.Agent, "agent", false, "with agents that read gateways' logs on the nodes, and new certificates for them")
	return cmd
}
