package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/gatemend/gatemend/api/v1alpha1"
	"github.com/gatemend/gatemend/internal/approval"
	"github.com/gatemend/gatemend/internal/printer"
)

// Approvals is where plans of the controller are decided on.
type Approvals interface {
	Incident(ctx context.Context, namespace, name string) (*v1alpha1.Incident, error)
	Decide(ctx context.Context, d approval.Decision) (approval.Given, error)
}

const approveLong = `Let gatemend's controller carry out the plan of an incident that waits for a person's yes.

The plan is shown first. What is made is a RemediationApproval in each namespace whose objects the plan changes, under the
name by which the API server knows you; it holds for this plan and no other. You need the role gatemend-approver there.`

const rejectLong = `Refuse the plan of an incident that waits for a person's answer: nothing is changed.

What is made is a RemediationApproval with the decision Reject, under the name by which the API server knows you.`

type approveOptions struct {
	env    Env
	kube   *genericclioptions.ConfigFlags
	answer v1alpha1.Decision
	plan   string
	reason string
	yes    bool
}

func newApprove(env Env) *cobra.Command {
	o := &approveOptions{env: env, answer: v1alpha1.Approve}
	cmd := o.command("approve", "Let the controller carry out a plan that waits for a yes", approveLong)
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", false, "do not ask; together with --plan in scripts, as the plan may be another one by now")
	return cmd
}

func newReject(env Env) *cobra.Command {
	o := &approveOptions{env: env, answer: v1alpha1.Reject, yes: true}
	return o.command("reject", "Refuse a plan of the controller that waits for a yes", rejectLong)
}

func (o *approveOptions) command(name, short, long string) *cobra.Command {
	cmd := &cobra.Command{
		Use: name + " INCIDENT", Short: short, Long: long,
		Example: fmt.Sprintf("  gatemend %s shop-1710ef51 -n shop\n  gatemend %s shop-1710ef51 -n shop --plan 5f0c9a2b7d3e1148 --reason 'seen in staging'", name, name),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("'kubectl get incidents -A' names them", "which incident?")
			}
			return maxArgs(1)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			namespace, incident, err := o.named(args[0])
			if err != nil {
				return err
			}
			desk, err := o.env.Approvals(o.kube)
			if err != nil {
				return err
			}
			return o.run(cmd.Context(), desk, namespace, incident)
		},
	}
	o.kube = kubeFlags(cmd.Flags())
	cmd.Flags().StringVar(&o.plan, "plan", "", "decide only if this is still the plan (status.plan.id)")
	cmd.Flags().StringVar(&o.reason, "reason", "", "for those who read the record")
	return cmd
}

// named takes NAME with -n or the kubeconfig's namespace, and NAMESPACE/NAME.
func (o *approveOptions) named(arg string) (namespace, name string, err error) {
	if ns, name, ok := strings.Cut(arg, "/"); ok {
		return ns, name, nil
	}
	namespace, _, err = o.kube.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return "", "", &HintedError{Err: fmt.Errorf("read kubeconfig: %w", err), Hint: "name the namespace with -n"}
	}
	return namespace, arg, nil
}

func (o *approveOptions) run(ctx context.Context, desk Approvals, namespace, name string) error {
	i, err := desk.Incident(ctx, namespace, name)
	if err != nil {
		return approvalHint(err)
	}
	p := i.Status.Plan
	switch {
	case p == nil || !approval.Waiting(i, p.ID):
		fmt.Fprintf(o.env.Out, "incident %s/%s is %s: %s\n", namespace, name, i.Status.Phase, i.Status.Message)
		return &HintedError{Err: errors.New("it waits for nobody's answer"), Hint: "'kubectl get incidents -A' shows which do"}
	case o.plan != "" && o.plan != p.ID:
		return &HintedError{Err: fmt.Errorf("the plan is %s by now, not %s", p.ID, o.plan), Hint: "look at it anew: gatemend approve " + namespace + "/" + name}
	}
	o.show(i)
	agreed, err := o.confirmed(ctx, i)
	if err != nil {
		return err
	}
	if !agreed {
		_, err := fmt.Fprintln(o.env.Out, "nothing was decided")
		return errors.Join(err, errWrong)
	}
	given, err := desk.Decide(ctx, approval.Decision{Namespace: namespace, Incident: name, Plan: p.ID, Answer: o.answer, Reason: o.reason})
	if err != nil {
		return approvalHint(err)
	}
	what := map[v1alpha1.Decision]string{v1alpha1.Approve: "approved", v1alpha1.Reject: "rejected"}[o.answer]
	fmt.Fprintf(o.env.Out, "%s by %s in namespace %s\n", what, given.User, strings.Join(given.In, ", "))
	if len(given.Denied) > 0 && o.answer == v1alpha1.Approve {
		fmt.Fprintf(o.env.Out, "you may not in namespace %s: somebody who may must agree there, too\n", strings.Join(given.Denied, ", "))
	}
	return nil
}

func (o *approveOptions) show(i *v1alpha1.Incident) {
	out := printer.PlainWriter(o.env.Out)
	fmt.Fprintf(out, "%s fails", i.Spec.Route)
	if d := i.Status.Diagnosis; d != nil {
		fmt.Fprintf(out, ": %s (%s, %d %%)", d.Summary, d.Cause, d.ConfidencePercent)
	}
	p := i.Status.Plan
	fmt.Fprintf(out, "\nplan %s, %s: %s (risk %s)\n%s", p.ID, p.Action, p.Summary, p.Risk, p.Diff)
	if p.Diff != "" && !strings.HasSuffix(p.Diff, "\n") {
		fmt.Fprintln(out)
	}
}

// confirmed asks on a terminal.
func (o *approveOptions) confirmed(ctx context.Context, i *v1alpha1.Incident) (bool, error) {
	if o.yes {
		return true, nil
	}
	if !o.env.Terminal.In {
		return false, usagef("add --yes, and --plan "+i.Status.Plan.ID, "nobody can be asked: stdin is no terminal")
	}
	return askYes(ctx, o.env.In, o.env.Out, "Let it be carried out?")
}

func approvalHint(err error) error {
	switch {
	case errors.Is(err, approval.ErrNoIncident):
		return &UsageError{Problem: err.Error(), Hint: "'kubectl get incidents -A' names them"}
	case errors.Is(err, approval.ErrDenied):
		return &HintedError{Err: err, Hint: "it takes the role gatemend-approver there (config/rbac/approver.yaml)"}
	case errors.Is(err, approval.ErrTooLate):
		return &HintedError{Err: err, Hint: "look at the incident anew"}
	default:
		return err
	}
}
