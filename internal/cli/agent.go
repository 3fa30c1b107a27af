package cli

import (
	"net"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/gatemend/gatemend/internal/proxy/all"
)

const agentLong = `Run on a node: read the logs of the gateways there, count their requests, and report to the controller.

It is for clusters whose gateways log more than should go through the API server. Lines stay on the node: what is sent is how
many requests ended how on which route, and a few lines of those that failed, without credentials. While the controller is
away, nothing is lost but time: counters go on, and the next report has all.

It is meant to run as the DaemonSet of the chart (agent.enabled) or of 'gatemend install --print --agent', with the controller's
flag --agents at the other end.`

// AgentOptions say how an agent runs.
type AgentOptions struct {
	Node       string
	Namespace  string // whose pods are looked at; empty: all
	Controller string // HOST:PORT
	ServerName string // in the controller's certificate
	Certificates
	Logs          string
	Checkpoint    string
	HealthAddress string
	Formats       all.Formats
}

func newAgent(env Env) *cobra.Command {
	var o AgentOptions
	var told []string
	var kube *genericclioptions.ConfigFlags
	cmd := &cobra.Command{
		Use:   "agent --controller HOST:PORT",
		Short: "Run on a node: count what the gateways there log, and report to the controller",
		Long:  agentLong,
		Example: `  gatemend agent --node "$NODE_NAME" --controller gatemend-agents.gatemend.svc:9443 \
      --cert /etc/gatemend/agent/tls.crt --key /etc/gatemend/agent/tls.key --ca /etc/gatemend/agent/ca.crt`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.validate(); err != nil {
				return err
			}
			var err error
			if o.Formats, err = all.ParseFormats(told); err != nil {
				return usagef("see 'gatemend logs --help'", "--format: %v", err)
			}
			o.Namespace = *kube.Namespace
			return env.RunAgent(cmd.Context(), kube, o)
		},
	}
	f := cmd.Flags()
	kube = kubeFlags(f)
	f.StringVar(&o.Node, "node", "", "name of the node")
	f.StringVar(&o.Controller, "controller", "", "where the controller takes reports, HOST:PORT; of several addresses of a name, the controller that leads listens at one")
	f.StringVar(&o.ServerName, "controller-name", "", "name in the controller's certificate; default: the host of --controller")
	f.StringVar(&o.CertFile, "cert", "", "file with the certificate to show; it is read anew for each connection, like the next two")
	f.StringVar(&o.KeyFile, "key", "", "file with the certificate's key")
	f.StringVar(&o.CAFile, "ca", "", "file with the authorities that the controller's certificate may be of")
	f.StringVar(&o.Logs, "logs", "/var/log/pods", "folder of the node's logs, also /var/log/containers")
	f.StringVar(&o.Checkpoint, "checkpoint", "", "file that keeps how far was read, so that a restart leaves nothing out")
	f.StringVar(&o.HealthAddress, "health-addr", ":8081", "address of /healthz and /readyz; empty: none")
	f.StringArrayVar(&told, "format", nil, formatUsage)
	return cmd
}

func (o *AgentOptions) validate() error {
	host, _, err := net.SplitHostPort(o.Controller)
	switch {
	case o.Node == "":
		return usagef("for example: --node \"$NODE_NAME\"", "--node is missing: pods of other nodes are none of this agent's")
	case err != nil || host == "":
		return usagef("for example: --controller gatemend-agents.gatemend.svc:9443", "--controller %q is no HOST:PORT", o.Controller)
	case !o.complete():
		return usagef("add --cert, --key and --ca", "the controller talks to nobody without a certificate")
	}
	if o.ServerName == "" {
		o.ServerName = host
	}
	return nil
}
