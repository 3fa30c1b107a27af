package cli

import (
	"fmt"
	"slices"

	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/printer"
	"github.com/gatemend/gatemend/internal/proxy/all"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// formatUsage is the help of --format.
const formatUsage = "what the logs of gateways are written in, as in 'gatemend logs': FORMAT for all that run its proxy, NAMESPACE=FORMAT or NAMESPACE/NAME=FORMAT for some; may be given several times"

// scope says where a command looks: a cluster or a dump, and which namespace.
type scope struct {
	kube          *genericclioptions.ConfigFlags
	allNamespaces bool
	from          string
	logs          string
	dataPlane     bool     // ask the gateways themselves
	told          []string // of the gateways' logs

	namespace string // of targets that name none; "" where only a dump's content can tell
	only      string // the namespace asked for with -n, "" for the whole cluster
	formats   all.Formats
}

func (s *scope) add(flags *pflag.FlagSet) {
	s.kube = kubeFlags(flags)
	flags.BoolVarP(&s.allNamespaces, "all-namespaces", "A", false, "look at all namespaces (the default unless -n is given)")
	flags.StringArrayVar(&s.told, "format", nil, formatUsage)
}

// kubeFlags adds kubectl's flags for choosing a cluster. All of them work; help shows those that people
// type, so that a command's own flags are not lost among them.
func kubeFlags(flags *pflag.FlagSet) *genericclioptions.ConfigFlags {
	own := pflag.NewFlagSet("", pflag.ContinueOnError)
	kube := genericclioptions.NewConfigFlags(true)
	kube.AddFlags(own)
	shown := []string{"kubeconfig", "context", "cluster", "user", "namespace", "as", "as-group", "request-timeout"}
	own.VisitAll(func(f *pflag.Flag) { f.Hidden = !slices.Contains(shown, f.Name) })
	flags.AddFlagSet(own)
	return kube
}

func (s *scope) addFiles(flags *pflag.FlagSet) {
	flags.StringVar(&s.from, "from", "", "read objects from this file, folder or archive instead of a cluster; - is stdin")
	flags.StringVar(&s.logs, "logs", "", "file or folder of container logs named POD_CONTAINER.log; .previous.log for the one before")
}

func (s *scope) validate() error {
	if s.allNamespaces && *s.kube.Namespace != "" {
		return usagef("give one of them", "-n and -A contradict each other")
	}
	if s.from != "" && s.dataPlane {
		return usagef("leave one of them out", "--data-plane asks running gateways and --from reads files")
	}
	if s.from != "" && (*s.kube.Context != "" || *s.kube.KubeConfig != "") {
		return usagef("give one of them", "--from reads files and --context or --kubeconfig a cluster")
	}
	var err error
	if s.formats, err = all.ParseFormats(s.told); err != nil {
		return usagef("for example: --format 'nginx:$remote_addr [$time_local] \"$request\" $status'", "--format: %v", err)
	}
	return nil
}

// complete finds the namespace: what -n says, else for a cluster that of the kubeconfig's context.
func (s *scope) complete() {
	s.only = *s.kube.Namespace
	s.namespace = s.only
	if s.namespace != "" || s.from != "" {
		return
	}
	// A kubeconfig that cannot be read is reported, with what to do about it, by Connect.
	if ns, _, err := s.kube.ToRawKubeConfigLoader().Namespace(); err == nil {
		s.namespace = ns
	}
}

// tellIdleFormats says which formats of --format are for no gateway: a misspelt name would go unnoticed else.
func (s *scope) tellIdleFormats(env Env, objects *snapshot.Snapshot) {
	for _, text := range s.formats.Idle(objects.Pods().All()) {
		fmt.Fprintf(env.Err, "gatemend: --format '%s' is for none of the gateways that run now\n", printer.Plain(text))
	}
}

// everything is the target of a command that names none.
func (s *scope) everything() model.Target {
	if s.only == "" {
		return model.Target{}
	}
	return model.Target{Object: &model.Ref{APIVersion: "v1", Kind: "Namespace", Name: s.only}}
}
