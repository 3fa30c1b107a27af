package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatemend/gatemend/internal/guardrail"
	"github.com/gatemend/gatemend/internal/mend"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/printer"
	"github.com/gatemend/gatemend/internal/remedy"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/watch"
)

const fixLong = `Mend what fails: plan, show, rehearse, ask, apply, verify on real traffic, undo if it did not help.

The plan is the smallest change after which the model of the request succeeds and no other route gets
worse. It is shown as a diff, tried as a server-side dry run, and carried out only after a yes. Then the
gateways' logs tell whether the errors stop; if they do not, the change is taken back.

Nothing is changed that Argo CD, Flux, Helm, Kustomize or an operator manages, nothing in system namespaces,
nothing on a guess: the plan then says what a person would have to do. --policy adds rules of your own: what they
allow is done without asking, what they leave to a person is asked, and what they forbid no yes lifts.

--plan only plans, also from a dump (--from); what it prints with -o yaml or json can be kept and carried out
later with --apply-plan, unless an object that it changes is not as it was then. Its cause is as certain as a
diagnosis at that moment says; one that it does not name any more takes a person's yes. --dry-run also asks the API
server. Without a terminal, --yes is needed. With --journal, a repair that was cut off is taken up again. An API server
that does not answer for 10 minutes cuts it off.
Exit status: 0 mended, 1 planned but not applied, 4 applied, did not help and taken back.`

type fixOptions struct {
	env      Env
	scope    scope
	format   outputFlags
	since    time.Duration
	yes      bool
	planOnly bool
	dryRun   bool
	cause    string
	journal  string
	events   string
	policy   string
	saved    string
	gitDir   string
	probe    bool

	chosen   *model.Plan // from the file of --apply-plan; nil: the plan is made now
	target   model.Target
	policies *guardrail.Set // nil: none
}

func newFix(env Env) *cobra.Command {
	o := &fixOptions{env: env}
	cmd := &cobra.Command{
		Use:   "fix [TARGET]",
		Short: "Mend what fails: show the plan, ask, apply, verify, undo if it did not help",
		Long:  fixLong,
		Example: `  gatemend fix shop.example.com/cart
  gatemend fix ingress/shop -n shop --cause target-port-mismatch
  gatemend fix service/cart -n shop --plan -o json
  gatemend fix --from cluster.d --plan
  gatemend fix service/cart -n shop --plan -o yaml > plan.yaml
  gatemend fix --apply-plan plan.yaml
  gatemend fix service/cart -n shop --plan --git-dir ~/src/shop-deploy
  gatemend fix deployment/cart -n shop --yes --journal repairs.jsonl`,
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
	o.scope.addFiles(f)
	o.format.add(f, outputText, outputJSON, outputYAML)
	f.DurationVar(&o.since, "since", 5*time.Minute, "how far back to read the gateways' logs")
	f.BoolVar(&o.yes, "yes", false, "carry the plan out without asking")
	f.BoolVar(&o.planOnly, "plan", false, "only show the plan")
	f.BoolVar(&o.dryRun, "dry-run", false, "show the plan and have the API server try it, without storing it")
	f.StringVar(&o.saved, "apply-plan", "", "carry out the plan in this file, as --plan -o yaml wrote it, unless its objects have changed since; - is stdin")
	f.BoolVar(&o.probe, "probe", false, "where a route has no requests, send some through its gateway to prove that the repair helped; needs config/rbac/prober.yaml")
	f.StringVar(&o.cause, "cause", "", "mend this cause, not the first one found")
	f.StringVar(&o.gitDir, "git-dir", "", "local clone, or a folder of it, with the manifests of an object that somebody else keeps: the change is committed there on a branch of its own")
	f.StringVar(&o.policy, "policy", "", policyUsage)
	f.StringVar(&o.journal, "journal", "", "file that records every step, so that an interrupted repair is taken up again")
	f.StringVar(&o.events, "events", "", "file to which every step is appended as one line of JSON")
	return cmd
}

func (o *fixOptions) validate() error {
	if err := o.scope.validate(); err != nil {
		return err
	}
	if err := o.format.validate(); err != nil {
		return err
	}
	switch {
	case o.scope.from != "" && !o.planOnly:
		return usagef("add --plan", "files cannot be mended, only planned for")
	case o.probe && (o.planOnly || o.dryRun):
		return usagef("leave it out", "--probe proves what was changed, and --plan and --dry-run change nothing")
	case o.planOnly && (o.yes || o.dryRun):
		return usagef("give one of them", "--plan changes nothing, so --yes and --dry-run do not go with it")
	case o.saved != "" && (o.planOnly || o.cause != "" || o.scope.from != ""):
		return usagef("leave them out", "the plan of --apply-plan is made already, so --plan, --cause and --from do not go with it")
	case o.saved == "-" && !o.yes && !o.dryRun:
		return usagef("add --yes, or name a file", "stdin holds the plan, so nobody can be asked")
	case o.dryRun && o.yes:
		return usagef("give one of them", "--dry-run and --yes contradict each other")
	case o.format.output == outputYAML && !o.planOnly:
		return usagef("use -o json, one event a line", "-o yaml is for --plan")
	case o.since <= 0:
		return usagef("give a length of time such as 5m", "--since %s", o.since)
	default:
		return nil
	}
}

func (o *fixOptions) complete(args []string) error {
	o.scope.complete()
	o.target = o.scope.everything()
	if len(args) == 0 {
		return nil
	}
	if o.saved != "" {
		return usagef("leave it out", "the plan of --apply-plan says what is mended, so %q does not go with it", args[0])
	}
	var err error
	o.target, err = parseTarget(args[0])
	return err
}

func (o *fixOptions) run(ctx context.Context) error {
	var err error
	if o.policies, err = readPolicies(o.env, o.policy); err != nil {
		return err
	}
	if o.saved != "" {
		if o.chosen, err = readPlan(o.env, o.saved); err != nil {
			return err
		}
	}
	if o.planOnly {
		return o.plan(ctx)
	}
	s, err := o.scope.open(ctx, o.env, o.since, false)
	if err != nil {
		return err
	}
	defer s.Live.Close()
	view := &watch.View{Session: s.Session, Cause: model.CauseID(o.cause)}
	go s.Pump() // ends when Close ends the stream
	target := o.target
	if o.chosen == nil {
		if target, err = resolve(o.target, view.Live.Snapshot(), o.scope.namespace); err != nil {
			return err
		}
	}
	if o.dryRun {
		return o.rehearse(ctx, s.cluster.Actor(), view, target)
	}
	return o.mend(ctx, s.cluster.Actor(), view, target)
}

// plan diagnoses once and prints what would be done.
func (o *fixOptions) plan(ctx context.Context) error {
	l, err := o.scope.look(ctx, o.env, o.since)
	if err != nil {
		return err
	}
	target, err := resolve(o.target, l.Snapshot, o.scope.namespace)
	if err != nil {
		return err
	}
	d := l.Diagnose(ctx, target)
	if err := noSuchCause(d, model.CauseID(o.cause)); err != nil {
		return err
	}
	p, err := plan.Make(plan.Input{Diagnosis: watch.Only(d, model.CauseID(o.cause)), Snapshot: l.Snapshot, Policy: watch.PlanPolicy(o.policies)})
	if err != nil {
		return advised(o.noPlan(d, err), l.Snapshot, o.scope.from != "")
	}
	if err := errors.Join(o.judge(&p, l.Snapshot), o.commitSource(&p, l.Snapshot)); err != nil {
		return err
	}
	return errors.Join(o.print(p), errWrong)
}

// noPlan prints the diagnosis in place of a plan that could not be made.
func (o *fixOptions) noPlan(d model.Diagnosis, because error) error {
	if errors.Is(because, plan.ErrNothingToDo) && !d.Healthy {
		because = errors.New("no cause was found")
	}
	fmt.Fprintf(o.env.Err, "gatemend: no plan: %s\n", because)
	var err error
	switch o.format.output {
	case outputJSON:
		err = printer.JSON(o.env.Out, d)
	case outputYAML:
		err = printer.YAML(o.env.Out, d)
	default:
		err = printer.Diagnosis(o.env.Out, d, o.format.style(o.env.Terminal))
	}
	return errors.Join(err, judge(d))
}

// judge adds to a plan that is only shown what policies would let be done with it.
func (o *fixOptions) judge(p *model.Plan, s *snapshot.Snapshot) error {
	if o.policies == nil {
		return nil
	}
	var history guardrail.History
	if o.journal != "" {
		data, err := o.env.ReadFile(o.journal, nil)
		if err != nil {
			return err
		}
		events, err := mend.Decode(o.journal, data)
		if err != nil {
			return err
		}
		history = guardrail.Recall(events)
	}
	d := o.policies.Decide(guardrail.Input{Plan: *p, History: history, Now: o.env.Now(), Facts: guardrail.Look(s, *p)})
	p.Policy = &d
	return nil
}

func (o *fixOptions) print(p model.Plan) error {
	switch o.format.output {
	case outputJSON:
		return printer.JSON(o.env.Out, p)
	case outputYAML:
		return printer.YAML(o.env.Out, p)
	default:
		return printer.Plan(o.env.Out, p, o.format.style(o.env.Terminal))
	}
}

// rehearsed is the plan that is to be tried: the one of the file, or one that is made now. ok is false where
// there is none and the diagnosis was printed in its place.
func (o *fixOptions) rehearsed(ctx context.Context, view *watch.View, snap *snapshot.Snapshot, target model.Target) (p model.Plan, ok bool, err error) {
	in := plan.Input{Snapshot: snap, Memory: plan.Memory{Deleted: view.Deleted()}, Policy: watch.PlanPolicy(o.policies)}
	if in.Diagnosis, err = view.Diagnose(ctx, snap, target); err != nil {
		return p, false, err
	}
	if o.chosen != nil {
		if p, err = plan.Restore(*o.chosen, in); err != nil {
			fmt.Fprintf(o.env.Err, "gatemend: the plan is not carried out: %s\n", err)
			return p, false, errWrong
		}
		return p, true, nil
	}
	if err := noSuchCause(view.Diagnosis(), view.Cause); err != nil {
		return p, false, err
	}
	if p, err = plan.Make(in); err != nil {
		return p, false, o.noPlan(in.Diagnosis, err)
	}
	return p, true, nil
}

// rehearse has the API server try the plan.
func (o *fixOptions) rehearse(ctx context.Context, actor mend.Actor, view *watch.View, target model.Target) error {
	snap := view.Live.Snapshot()
	p, ok, err := o.rehearsed(ctx, view, snap, target)
	if !ok || err != nil {
		return err
	}
	if err := errors.Join(o.judge(&p, snap), o.commitSource(&p, snap)); err != nil {
		return err
	}
	if err := o.print(p); err != nil {
		return err
	}
	for _, c := range p.Remedy.Changes {
		if _, err := actor.DryRun(ctx, c); err != nil {
			fmt.Fprintf(o.env.Err, "gatemend: the API server would refuse to change %s: %v\n", c.Target, err)
			return errWrong
		}
	}
	fmt.Fprintf(o.env.Err, "gatemend: the API server accepts the plan (dry run); nothing was changed\n")
	return errWrong
}

// mend drives one incident to its end, after those that an earlier run left open in the journal.
func (o *fixOptions) mend(ctx context.Context, actor mend.Actor, view *watch.View, target model.Target) error {
	if view.Cause != "" {
		d, err := view.Diagnose(ctx, view.Live.Snapshot(), target)
		if err != nil {
			return err
		}
		if len(d.Causes) == 0 {
			return noSuchCause(view.Diagnosis(), view.Cause)
		}
	}
	journal, closeJournal, err := openJournal(o.env, o.journal, o.policies)
	if err != nil {
		return err
	}
	defer closeJournal()
	t, err := newTeller(o.env, o.format, o.events)
	if err != nil {
		return err
	}
	defer t.close()
	m := &watch.Mender{
		Session: view.Session, Actor: actor, Journal: journal, Print: t.tell, Probe: o.probe, Policy: watch.PlanPolicy(o.policies), Outage: mostOutage,
		Guard: &watch.Guard{
			Policies: o.policies, Session: view.Session, Journal: journal,
			Asker: asker{in: o.env.In, out: o.env.Err, terminal: o.env.Terminal.In, yes: o.yes, person: o.yes},
		},
	}
	if err := m.Resume(ctx); err != nil {
		return o.cutOff(ctx, err)
	}
	view.From = m.Mended()
	result, err := m.Run(ctx, view, "", mend.Incident{ID: m.NewID(), Target: target, Plan: o.chosen})
	if err != nil {
		return o.cutOff(ctx, err)
	}
	if result.Plan == nil && o.chosen == nil && o.format.output == outputText {
		err := t.out.print(func(out io.Writer) error { return printer.Diagnosis(out, view.Diagnosis(), t.style) })
		if err != nil {
			return err
		}
	}
	if result.Outcome == plan.Refused {
		if err := o.proposeTo(view.Session, t, result.Plan); err != nil {
			return err
		}
	}
	return outcomeError(result.Outcome, view.Diagnosis())
}

// proposeTo puts what may not be done here into the clone of --git-dir, and tells of it.
func (o *fixOptions) proposeTo(s *watch.Session, t *teller, p *model.Plan) error {
	if p == nil || o.gitDir == "" || len(p.Proposals) == 0 {
		return nil
	}
	if err := o.commitSource(p, s.Live.Snapshot()); err != nil {
		return err
	}
	doc := printer.NewEvent(printer.EventMend, o.env.Now(), gitText(p.Proposals[0].Git))
	doc.Step = "proposed"
	if o.format.output == outputJSON {
		doc.Plan = p
	}
	return t.tell(doc)
}

// mostOutage is how long a repair waits for an API server that does not answer.
const mostOutage = 10 * time.Minute

// cutOff says how to go on with a repair that was stopped in the middle.
func (o *fixOptions) cutOff(ctx context.Context, err error) error {
	away, isAway := errors.AsType[*mend.AwayError](err)
	switch {
	case ctx.Err() == nil && isAway:
		return &HintedError{Err: err, Hint: goOn(away, o.journal)}
	case ctx.Err() == nil:
		return err
	case o.journal == "":
		return &HintedError{Err: errInterrupted, Hint: "what was done so far stays as it is: see 'gatemend diagnose'; with --journal, a repair can be taken up again"}
	default:
		return &HintedError{Err: errInterrupted, Hint: "the same command with the same --journal takes the repair up again"}
	}
}

// openJournal opens a file, or keeps the record in memory where none is named: then policies know of nothing that was
// done before, which people are told.
func openJournal(env Env, path string, policies *guardrail.Set) (j mend.Journal, closeJournal func(), err error) {
	if path == "" {
		if policies != nil {
			fmt.Fprintln(env.Err, "gatemend: limits, cool-downs and storm brakes of the policies know of no repair before this run; --journal FILE remembers them")
		}
		return &mend.MemoryJournal{}, func() {}, nil
	}
	file, err := mend.OpenJournal(path)
	if err != nil {
		return nil, nil, err
	}
	return file, func() { _ = file.Close() }, nil // every line was synced when it was written
}

// outcomeError gives the error that ends a repair; d is the diagnosis that it started from.
func outcomeError(o plan.Outcome, d model.Diagnosis) error {
	switch o {
	case plan.Mended, plan.Unverified:
		return nil
	case plan.NothingToDo:
		return judge(d)
	case plan.NotHelped, plan.UndoFailed:
		return errDidNotHelp
	default:
		return errWrong
	}
}

// goOn says what finishes a repair that was left because the API server did not answer.
func goOn(away *mend.AwayError, journal string) string {
	switch {
	case journal != "":
		return "once it answers, the same command with the same --journal finishes the repair"
	case len(away.Left) > 0:
		return "no --journal was given to finish it with; once it answers, take it back by hand: " + remedy.Kubectl(away.Left)
	default:
		return "what was done so far stays as it is: see 'gatemend diagnose'; with --journal, a repair can be taken up again"
	}
}
