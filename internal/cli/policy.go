package cli

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatemend/gatemend/internal/guardrail"
	"github.com/gatemend/gatemend/internal/mend"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/printer"
	"github.com/gatemend/gatemend/internal/proxy/all"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func newPolicy(env Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Check RemediationPolicies, and try them on plans and on what happened",
		Long: `RemediationPolicies say what gatemend may mend: where, what, when, how often, and who must agree.
'fix' and 'watch --fix' go by the file that --policy names.`,
	}
	cmd.AddCommand(newPolicyCheck(env), newPolicyTest(env))
	return cmd
}

func newPolicyCheck(env Env) *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE...",
		Short: "Say what is wrong in files of policies, with the line",
		Long: `Say what is wrong in files of policies, with the line: unknown fields, causes and actions that do not exist,
expressions that do not compile. - is stdin. Exit status: 0 all are well, 1 something is wrong.`,
		Example: "  gatemend policy check policy.yaml",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("for example: gatemend policy check policy.yaml", "there is no file to check")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return checkPolicies(env, args) },
	}
}

func checkPolicies(env Env, files []string) error {
	var failed error
	for _, file := range files {
		data, err := env.ReadFile(file, env.In)
		if err != nil {
			return err
		}
		set, err := guardrail.Parse(file, data)
		if _, wrong := errors.AsType[*guardrail.Problem](err); err != nil && !wrong {
			return err
		}
		if err != nil {
			fmt.Fprintln(env.Out, err)
			failed = errWrong
			continue
		}
		n := set.Counts()
		fmt.Fprintf(env.Out, "%s: well; policies: %d, rules: %d\n", file, n.Policies, n.Rules)
	}
	return failed
}

type policyTestOptions struct {
	env     Env
	policy  string
	plan    string
	journal string
	from    string
	at      string
	format  outputFlags
}

func newPolicyTest(env Env) *cobra.Command {
	o := &policyTestOptions{env: env}
	cmd := &cobra.Command{
		Use:   "test --policy FILE (--plan FILE | --journal FILE)",
		Short: "Say what policies would let be done with a plan, or with all plans of a journal",
		Long: `Say what policies would let be done, and which rule says so: allow (done without asking), approve (after a
person's yes), propose (only shown) or refuse.

--plan takes a plan of 'gatemend fix --plan -o json' or -o yaml. --journal takes the journal of 'fix' or 'watch --fix'
and decides on each plan in it as of its time, with what was done before it.

Labels are in neither: --from names a dump that has them. Without it, what depends on them is not known, and
never taken as a yes. Exit status: 0 all would be done, some perhaps after a yes; 1 something would be held back.`,
		Example: `  gatemend fix --plan -o json shop.example.com/cart > plan.json
  gatemend policy test --policy policy.yaml --plan plan.json --from cluster.d
  gatemend policy test --policy policy.yaml --journal repairs.jsonl`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := o.validate(); err != nil {
				return err
			}
			return o.run()
		},
	}
	f := cmd.Flags()
	o.format.add(f, outputText, outputJSON, outputYAML)
	f.StringVar(&o.policy, "policy", "", "file of policies")
	f.StringVar(&o.plan, "plan", "", "file with a plan; - is stdin")
	f.StringVar(&o.journal, "journal", "", "file with the journal of former repairs; - is stdin")
	f.StringVar(&o.from, "from", "", "file, folder or archive of the cluster's objects, for their labels")
	f.StringVar(&o.at, "at", "", "the moment to decide at for --plan, such as 2026-12-24T18:00:00Z; default now")
	return cmd
}

func (o *policyTestOptions) validate() error {
	switch {
	case o.policy == "":
		return usagef("for example: gatemend policy test --policy policy.yaml --plan plan.json", "--policy is missing")
	case (o.plan == "") == (o.journal == ""):
		return usagef("give one of them", "what to decide on is named by --plan or --journal")
	case o.at != "" && o.journal != "":
		return usagef("leave --at out", "every plan of a journal is decided on as of its time")
	}
	return o.format.validate()
}

func (o *policyTestOptions) run() error {
	policies, err := readPolicies(o.env, o.policy)
	if err != nil {
		return err
	}
	var s *snapshot.Snapshot
	if o.from != "" {
		if s, _, err = o.env.ReadDump(o.from, o.env.In, time.Time{}, all.Formats{}); err != nil {
			return err
		}
	}
	test := model.PolicyTest{APIVersion: model.APIVersion, Kind: model.KindPolicyTest}
	if o.plan != "" {
		test.Plans, err = o.onPlan(*policies, s)
	} else {
		test.Plans, err = o.onJournal(*policies, s)
	}
	if err != nil {
		return err
	}
	if err := o.print(test); err != nil {
		return err
	}
	for _, c := range test.Plans {
		if c.Decision.Verdict <= model.Propose {
			return errWrong
		}
	}
	return nil
}

func (o *policyTestOptions) onPlan(policies guardrail.Set, s *snapshot.Snapshot) ([]model.PolicyCase, error) {
	p, err := readPlan(o.env, o.plan)
	if err != nil {
		return nil, err
	}
	now := o.env.Now()
	if o.at != "" {
		if now, err = time.Parse(time.RFC3339, o.at); err != nil {
			return nil, usagef("write it like 2026-12-24T18:00:00Z", "--at %q is no time", o.at)
		}
	}
	return []model.PolicyCase{caseOf(*p, policies.Decide(guardrail.Input{Plan: *p, Now: now, Facts: guardrail.Look(s, *p)}))}, nil
}

// onJournal decides on every plan of a journal as of its time.
func (o *policyTestOptions) onJournal(policies guardrail.Set, s *snapshot.Snapshot) ([]model.PolicyCase, error) {
	data, err := o.env.ReadFile(o.journal, o.env.In)
	if err != nil {
		return nil, err
	}
	events, err := mend.Decode(o.journal, data)
	if err != nil {
		return nil, usagef("--journal of 'gatemend fix' and 'watch --fix' writes one", "%v", err)
	}
	ended := map[string]string{}
	for _, e := range events {
		if e.Kind == plan.EventClosed {
			ended[e.Incident] = string(e.Outcome)
		}
	}
	var out []model.PolicyCase
	for i, e := range events {
		if e.Kind != plan.EventPlanned || e.Plan == nil {
			continue
		}
		facts := guardrail.Look(s, *e.Plan)
		facts.Stop = guardrail.Stop{} // it tells of the dump's time
		c := caseOf(*e.Plan, policies.Decide(guardrail.Input{Plan: *e.Plan, History: guardrail.Recall(events[:i]), Now: e.At, Facts: facts}))
		c.At, c.Incident, c.Ended = e.At, e.Incident, cmp.Or(ended[e.Incident], "not closed")
		out = append(out, c)
	}
	return out, nil
}

func caseOf(p model.Plan, d model.PolicyDecision) model.PolicyCase {
	return model.PolicyCase{Cause: p.Finding.ID, Action: p.Remedy.Action, Summary: p.Remedy.Summary, Decision: d}
}

func (o *policyTestOptions) print(test model.PolicyTest) error {
	switch o.format.output {
	case outputJSON:
		return printer.JSON(o.env.Out, test)
	case outputYAML:
		return printer.YAML(o.env.Out, test)
	}
	var b strings.Builder
	for _, c := range test.Plans {
		fmt.Fprintf(&b, "%-8s %s, %s: %s\n", c.Decision.Verdict, c.Cause, c.Action, c.Summary)
		if c.Incident != "" {
			fmt.Fprintf(&b, "         %s at %s; it ended: %s\n", c.Incident, c.At.UTC().Format("2006-01-02 15:04:05 MST"), c.Ended)
		}
		for _, r := range append([]model.PolicyReason{c.Decision.PolicyReason}, c.Decision.Others...) {
			fmt.Fprintf(&b, "         %s\n", r)
		}
	}
	if len(test.Plans) == 0 {
		b.WriteString("no plan in it\n")
	}
	_, err := fmt.Fprint(printer.PlainWriter(o.env.Out), b.String())
	return err
}
