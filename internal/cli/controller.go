package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/gatemend/gatemend/internal/controller"
	"github.com/gatemend/gatemend/internal/guardrail"
	"github.com/gatemend/gatemend/internal/proxy/all"
)

const controllerLong = `Run gatemend in a cluster: watch, diagnose, and mend within policies, until it is stopped.

What fails becomes an Incident ('kubectl get incidents -A'), whose status has the diagnosis, the plan, who decided
what, every change with its former and new values, and the record from which another controller goes on if this one
ends. Of several controllers one leads.

--mode observe records and diagnoses; propose shows plans, too, and changes nothing, whoever says yes; auto goes by
the cluster's RemediationPolicies, and where they leave it to a person, by RemediationApprovals. Without any policy
every change takes a person's approval.

It is meant to run in the cluster, with the roles of config/rbac and the resources of config/crd and config/admission;
outside it uses your kubeconfig.`

// ControllerOptions say how a controller runs.
type ControllerOptions struct {
	Mode          controller.Mode
	Namespace     string // the only one that is watched; empty: all
	OwnNamespace  string
	Policies      *guardrail.Set // nil: those of the cluster
	Keep          time.Duration
	HealthAddress string
	MetricsAddr   string
	MetricsToken  string // file
	PprofAddr     string
	Record        RecordOptions
	NoLogs        bool // logs are read only when something is diagnosed
	Sources       SourceOptions
	Agents        AgentsOptions
	Formats       all.Formats
	Build         Build
}

// RecordOptions say what a controller keeps and tells of incidents beside the cluster's own objects.
type RecordOptions struct {
	Cluster     string // its name there
	History     string // a file, or a DSN; empty: none
	HistoryFile string // a file that has the DSN
	Retention   time.Duration
	DataDir     string // of what outlasts a restart
	Notify      string // file; empty: nobody is told
	Traces      string // URL of a receiver of OTLP; empty: nobody gets any
	Buttons     string // address at which clicks are received; empty: there are no buttons
}

func (o *RecordOptions) add(f *pflag.FlagSet) {
	f.StringVar(&o.Cluster, "cluster-name", "default", "name of the cluster in the history and in notifications")
	f.StringVar(&o.History, "history", "", "where the history of incidents is kept: a file (SQLite), or a DSN of PostgreSQL; empty: none is")
	f.StringVar(&o.HistoryFile, "history-dsn-file", "", "file that has the DSN, such as that of a mounted Secret, in place of --history")
	f.DurationVar(&o.Retention, "history-retention", 90*24*time.Hour, "how long incidents stay in the history after their last change; 0: for ever")
	f.StringVar(&o.Notify, "notify", "", "file that says who is told of incidents (a NotificationConfig, see docs/notifications.md); empty: nobody is")
	f.StringVar(&o.Buttons, "buttons-addr", "", "with --notify: address at which clicks on a notification's buttons are received, at /notify/CHANNEL; empty: there are no buttons")
	f.StringVar(&o.Traces, "traces", "", "URL of a receiver of OTLP over HTTP, such as http://collector.monitoring:4318, that gets a trace of each incident when it is over")
	f.StringVar(&o.DataDir, "data-dir", "", "with --notify: folder of the queue of notifications, which outlasts a restart")
}

func (o *RecordOptions) validate() error {
	switch {
	case o.Cluster == "":
		return usagef("leave it out for 'default'", "--cluster-name is empty")
	case o.History != "" && o.HistoryFile != "":
		return usagef("give one of them", "--history and --history-dsn-file exclude each other")
	case o.Retention < 0:
		return usagef("for example: --history-retention 2160h", "--history-retention must not be less than 0")
	case o.Notify != "" && o.DataDir == "":
		return usagef("add --data-dir /var/lib/gatemend", "--notify needs a folder for its queue")
	case o.Notify == "" && (o.DataDir != "" || o.Buttons != ""):
		return usagef("add --notify FILE", "--data-dir and --buttons-addr are for --notify")
	}
	return nil
}

// signalsLogs and signalsPrometheus are where a controller may hear of requests.
const (
	signalsLogs       = "logs"
	signalsPrometheus = "prometheus="
)

type controllerOptions struct {
	signals string
	env     Env
	kube    *genericclioptions.ConfigFlags
	o       ControllerOptions
	mode    string
	policy  string
	told    []string
}

func newController(env Env) *cobra.Command {
	o := &controllerOptions{env: env}
	cmd := &cobra.Command{
		Use:   "controller",
		Short: "Run in a cluster: watch, diagnose, and mend within policies",
		Long:  controllerLong,
		Example: `  gatemend controller --mode observe
  gatemend controller --mode auto --metrics-addr 127.0.0.1:9464
  gatemend controller --mode propose --namespace shop --own-namespace shop --policy policy.yaml`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.validate(); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	f := cmd.Flags()
	o.kube = kubeFlags(f)
	f.StringVar(&o.mode, "mode", string(controller.Propose), "how far to go: observe, propose or auto")
	f.StringVar(&o.signals, "signals", signalsLogs, "where to hear of requests: logs, or prometheus=URL, a store that speaks PromQL, in place of logs (modes observe and propose)")
	f.StringVar(&o.o.OwnNamespace, "own-namespace", guardrail.StopNamespace, "namespace of the controller itself: of its Lease, and of incidents that belong to no other")
	f.StringVar(&o.policy, "policy", "", "file of RemediationPolicies that hold instead of those of the cluster")
	f.DurationVar(&o.o.Keep, "keep-incidents", 7*24*time.Hour, "how long Incidents stay after they were resolved")
	f.StringVar(&o.o.HealthAddress, "health-addr", ":8081", "address of /healthz and /readyz; empty: none")
	f.StringVar(&o.o.MetricsAddr, "metrics-addr", "", "address on which Prometheus may scrape gatemend's own metrics, such as 127.0.0.1:9464")
	f.StringVar(&o.o.MetricsToken, "metrics-token-file", "", "file with the bearer token that a scrape must show; needed beyond loopback")
	f.StringVar(&o.o.PprofAddr, "pprof-addr", "", "loopback address of Go's profiles, such as 127.0.0.1:6060")
	f.StringArrayVar(&o.told, "format", nil, formatUsage)
	o.o.Record.add(f)
	o.o.Sources.add(f)
	o.o.Agents.add(f)
	return cmd
}

func (o *controllerOptions) validate() error {
	o.o.Mode, o.o.Namespace, o.o.Build = controller.Mode(o.mode), *o.kube.Namespace, o.env.Build
	if !slices.Contains(controller.Modes(), o.o.Mode) {
		return usagef("give observe, propose or auto", "--mode %q is none", o.mode)
	}
	if err := o.hear(); err != nil {
		return err
	}
	if o.o.Keep <= 0 {
		return usagef("for example: --keep-incidents 168h", "--keep-incidents must be more than 0")
	}
	if o.o.MetricsToken != "" && o.o.MetricsAddr == "" {
		return usagef("add --metrics-addr 127.0.0.1:9464", "--metrics-token-file is for --metrics-addr")
	}
	var err error
	if o.o.Formats, err = all.ParseFormats(o.told); err != nil {
		return usagef("see 'gatemend logs --help'", "--format: %v", err)
	}
	if err := o.o.Record.validate(); err != nil {
		return err
	}
	if err := o.o.Agents.validate(); err != nil {
		return err
	}
	return o.o.Sources.validate()
}

// hear takes --signals in.
func (o *controllerOptions) hear() error {
	url, metrics := strings.CutPrefix(o.signals, signalsPrometheus)
	switch {
	case o.signals == signalsLogs:
		return nil
	case !metrics || url == "":
		return usagef("give logs, or prometheus=http://prometheus.monitoring:9090", "--signals %q is neither", o.signals)
	case o.o.Mode == controller.Auto:
		return usagef("add --mode propose, or leave --signals out and add --prometheus "+url, "whether a change helped is proven by single requests, of which metrics do not tell")
	case o.o.Sources.Prometheus.URL != "" && o.o.Sources.Prometheus.URL != url:
		return usagef("leave --prometheus out", "--signals and --prometheus name two servers")
	}
	o.o.Sources.Prometheus.URL, o.o.NoLogs = url, true
	return nil
}

func (o *controllerOptions) run(ctx context.Context) error {
	var err error
	if o.o.Policies, err = readPolicies(o.env, o.policy); err != nil {
		return err
	}
	return o.env.RunController(ctx, o.kube, o.o)
}
