package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatemend/gatemend/internal/catalogue"
	"github.com/gatemend/gatemend/internal/mend"
	"github.com/gatemend/gatemend/internal/metrics"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/printer"
	"github.com/gatemend/gatemend/internal/rates"
	"github.com/gatemend/gatemend/internal/tui"
	"github.com/gatemend/gatemend/internal/watch"
)

const watchLong = `Follow the gateways' logs and say what is failing right now, until Ctrl-C.

An alarm opens within a second of sustained errors on a route; a single stray error opens none. Each
alarm is diagnosed. It ends when requests succeed again.

With --scrape or --prometheus what the gateways count is watched too, and with --alerts an alert of
Alertmanager is diagnosed as an alarm is.

Before the first request fails, a warning says that the last endpoint of a route vanished, that a pod behind it
died, or that the last ready pod of its gateway went. A gateway without a pod logs nothing: only --probe-url sees
its errors. --als, --otlp and --node-logs hear of requests in other ways than through the API server, and --probe-url
sends requests of its own.

On a terminal the routes are shown on a screen, by error rate, and Enter diagnoses one; --plain (for screen
readers, too), -o json, TERM=dumb and anything but a terminal give one line an event.

With --fix, what a machine may mend is mended, under the same guards as 'gatemend fix': on a terminal
after a yes, with --yes without asking. --yes lifts no guard here: what needs a person's decision is
only proposed, unless --approve names its cause in advance. Some guards no yes lifts. With --policy, your
own rules say what is mended without asking, what after a yes, and what not: see 'gatemend policy'.
'gatemend stop' stops every gatemend in the cluster from changing anything.`

type watchOptions struct {
	env     Env
	scope   scope
	format  outputFlags
	fix     bool
	yes     bool
	approve []string
	journal string
	events  string
	state   string
	noLogs  bool
	early   bool
	sources SourceOptions

	plain            bool
	metricsAddr      string
	metricsTokenFile string

	maxChanges int
	policy     string

	target model.Target
}

func newWatch(env Env) *cobra.Command {
	o := &watchOptions{env: env}
	cmd := &cobra.Command{
		Use:   "watch [TARGET]",
		Short: "Say what is failing right now, live; with --fix, mend it",
		Long:  watchLong,
		Example: `  gatemend watch
  gatemend watch -n shop -o json
  gatemend watch --fix --yes --journal repairs.jsonl
  gatemend watch --fix --yes --approve service-missing,container-crashloop
  gatemend watch --fix --policy policy.yaml --journal repairs.jsonl`,
		Args: maxArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.validate(); err != nil {
				return err
			}
			if err := o.complete(args); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	f := cmd.Flags()
	o.scope.add(f)
	o.format.add(f, outputText, outputJSON)
	f.BoolVar(&o.fix, "fix", false, "mend what may be mended")
	f.BoolVar(&o.yes, "yes", false, "with --fix: do not ask")
	f.StringSliceVar(&o.approve, "approve", nil, "with --fix --yes: causes whose repair you agree to in advance though it takes a person to decide; all for every one")
	f.IntVar(&o.maxChanges, "max-changes", 10, "with --fix: how many changes may be made in any 10 minutes")
	f.StringVar(&o.policy, "policy", "", "with --fix: "+policyUsage)
	f.StringVar(&o.events, "events", "", "file to which every event is appended as one line of JSON")
	f.StringVar(&o.state, "state", "", "file that keeps what is usual on each route, so that a restart neither forgets it nor the alarms that are open")
	f.StringVar(&o.journal, "journal", "", "with --fix: file that records every step, so that an interrupted repair is taken up again")
	f.BoolVar(&o.noLogs, "no-logs", false, "do not follow the gateways' logs; they are read when an alarm is diagnosed")
	f.BoolVar(&o.early, "early-warnings", true, "warn of endpoints that vanish and pods that die before a request fails")
	o.sources.add(f)
	f.BoolVar(&o.plain, "plain", false, "print events as lines on a terminal too, instead of the screen")
	f.StringVar(&o.metricsAddr, "metrics-addr", "", "address on which Prometheus may scrape gatemend's own metrics, such as 127.0.0.1:9464")
	f.StringVar(&o.metricsTokenFile, "metrics-token-file", "", "file with the bearer token that a scrape must show; needed beyond loopback")
	return cmd
}

func (o *watchOptions) validate() error {
	if err := o.scope.validate(); err != nil {
		return err
	}
	if !o.fix && (o.yes || o.journal != "" || o.policy != "") {
		return usagef("add --fix", "--yes, --journal and --policy are for --fix")
	}
	if o.yes && o.policy != "" {
		return usagef("leave --yes out; --approve agrees in advance to what the policy leaves to a person", "--policy says what is done without asking")
	}
	if len(o.approve) > 0 && !o.yes && o.policy == "" {
		return usagef("add --fix --yes", "--approve agrees in advance, so nobody is asked")
	}
	for _, id := range o.approve {
		if _, known := catalogue.Lookup(model.CauseID(id)); !known && id != approveAll {
			return usagef(nearCauses(id), "--approve: no cause has the id %q", id)
		}
	}
	if o.maxChanges < 1 {
		return usagef("for example: --max-changes 10", "--max-changes must be at least 1, not %d", o.maxChanges)
	}
	if o.noLogs && !o.sources.hearRequests() {
		return usagef("add --scrape, --prometheus, --als, --otlp, --node-logs or --probe-url", "with --no-logs there is nothing to hear of requests by")
	}
	if o.noLogs && o.fix {
		return usagef("leave one of them out", "--fix proves by the gateways' logs that it helped, and --no-logs does not read them")
	}
	if o.metricsTokenFile != "" && o.metricsAddr == "" {
		return usagef("add --metrics-addr 127.0.0.1:9464", "--metrics-token-file is for --metrics-addr")
	}
	if err := o.sources.validate(); err != nil {
		return err
	}
	return o.format.validate(outputText, outputJSON)
}

func (o *watchOptions) complete(args []string) error {
	o.scope.complete()
	o.target = o.scope.everything()
	if len(args) == 0 {
		return nil
	}
	var err error
	o.target, err = parseTarget(args[0])
	return err
}

// diagnosedSince is how far back signals speak for the diagnosis of an alarm.
const diagnosedSince = 2 * time.Minute

func (o *watchOptions) run(ctx context.Context) error {
	policies, err := readPolicies(o.env, o.policy)
	if err != nil {
		return err
	}
	s, err := o.scope.open(ctx, o.env, diagnosedSince, o.noLogs)
	if err != nil {
		return err
	}
	defer s.Live.Close()
	target, err := resolve(o.target, s.Live.Snapshot(), o.scope.namespace)
	if err != nil {
		return err
	}
	t, err := newTeller(o.env, o.format, o.events)
	if err != nil {
		return err
	}
	defer t.close()
	w := &watch.Watcher{Session: s.Session, Target: target, Early: o.early, Print: t.tell}
	if w.Sources, err = s.cluster.Sources(s.Live, o.sources); err != nil {
		return err
	}
	if w.Memory, err = remembering(o.env, o.state); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if o.metricsAddr != "" {
		w.Metrics = metrics.New(metrics.Build{Version: o.env.Build.Version, Commit: o.env.Build.Commit, GoVersion: o.env.Build.GoVersion}, watch.ReadOf(s.Live, w.Sources))
		if err := o.env.ServeMetrics(ctx, o.metricsAddr, o.metricsTokenFile, w.Metrics); err != nil {
			return err
		}
	}
	var ask mend.Asker = asker{in: o.env.In, out: o.env.Err, terminal: o.env.Terminal.In, yes: o.yes, approved: o.approve}
	var screen *tui.Screen
	if o.screen() {
		style := o.format.style(o.env.Terminal)
		screen = tui.New(ctx, o.env.In, o.env.Out, tui.Options{Color: style.Color, Diagnose: func(r rates.Route, width int) string {
			style.Width = width
			return glance(ctx, s.Session, r, style)
		}})
		w.Print, w.Draw = t.toScreen(screen), show(screen)
		if !o.yes {
			ask = screenAsker{screen, style}
		}
	}
	if o.fix {
		journal, closeJournal, err := openJournal(o.env, o.journal, policies)
		if err != nil {
			return err
		}
		defer closeJournal()
		policy := watch.PlanPolicy(policies)
		policy.MaxChanges = o.maxChanges
		w.Desk = &watch.Mender{
			Session: s.Session, Actor: s.cluster.Actor(), Journal: journal, Policy: policy,
			Print: func(e printer.EventDoc) error { return w.Tell(ctx, e) },
			Guard: &watch.Guard{Policies: policies, Asker: ask, Session: s.Session, Journal: journal},
		}
	}
	if screen == nil {
		return w.Run(ctx)
	}
	return onScreen(ctx, w, screen, cancel)
}

// screen reports whether the screen is shown: where a person sits in front of a terminal.
func (o *watchOptions) screen() bool {
	return o.format.output == outputText && !o.plain && o.env.Terminal.In && o.env.Terminal.Out && !o.env.Terminal.Dumb
}
