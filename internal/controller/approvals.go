package controller

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatemend/gatemend/api/v1alpha1"
	"github.com/gatemend/gatemend/config"
)

// voucher knows since when the API server has vouched for the users of approvals.
type voucher struct {
	reader  client.Reader
	settles time.Duration // how long the API server may take until it asks a new policy
	policy  admissionv1.ValidatingAdmissionPolicy
	binding admissionv1.ValidatingAdmissionPolicyBinding
}

// newVoucher reads what the API server must have been told.
func newVoucher(r client.Reader, settles time.Duration) (*voucher, error) {
	v := &voucher{reader: r, settles: settles}
	file, err := config.Files().Open("admission/approvals.yaml")
	if err != nil {
		return nil, fmt.Errorf("read the policy for approvals: %w", err)
	}
	defer file.Close()
	d := yaml.NewYAMLOrJSONDecoder(file, 4096)
	for _, into := range []any{&v.policy, &v.binding} {
		if err := d.Decode(into); err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("read the policy for approvals: %w", err)
		}
	}
	return v, nil
}

// since is from when on approvals name their real user; why says that they do not.
func (v *voucher) since(ctx context.Context) (since time.Time, why string, err error) {
	const install = "; install config/admission/approvals.yaml, until then nobody's approval can be trusted"
	var p admissionv1.ValidatingAdmissionPolicy
	var b admissionv1.ValidatingAdmissionPolicyBinding
	for _, o := range []client.Object{&p, &b} {
		err := v.reader.Get(ctx, types.NamespacedName{Name: v.policy.Name}, o)
		switch {
		case apierrors.IsNotFound(err):
			return time.Time{}, fmt.Sprintf("there is no %T %s", o, v.policy.Name) + install, nil
		case apierrors.IsForbidden(err):
			return time.Time{}, fmt.Sprintf("whether the API server vouches for approvals may not be read: %v", err), nil
		case err != nil:
			return time.Time{}, "", fmt.Errorf("read what vouches for approvals: %w", err)
		}
	}
	if !v.same(p, b) {
		return time.Time{}, "the ValidatingAdmissionPolicy " + v.policy.Name + " or its binding is another one than gatemend's" + install, nil
	}
	since = p.CreationTimestamp.Time
	for _, m := range slices.Concat(p.ManagedFields, b.ManagedFields) { // also whatever was changed since
		if m.Time != nil && m.Time.After(since) && m.Subresource == "" {
			since = m.Time.Time
		}
	}
	if b.CreationTimestamp.After(since) {
		since = b.CreationTimestamp.Time
	}
	return since.Add(v.settles), "", nil
}

// same reports whether the API server has been told what gatemend relies on.
func (v *voucher) same(p admissionv1.ValidatingAdmissionPolicy, b admissionv1.ValidatingAdmissionPolicyBinding) bool {
	want, got := v.policy.Spec, p.Spec
	strict := got.FailurePolicy != nil && *got.FailurePolicy == admissionv1.Fail && len(got.MatchConditions) == 0 && got.ParamKind == nil
	c := got.MatchConstraints
	everywhere := c != nil && c.NamespaceSelector.Size() == 0 && c.ObjectSelector.Size() == 0 && len(c.ExcludeResourceRules) == 0 &&
		equality.Semantic.DeepEqual(c.ResourceRules, want.MatchConstraints.ResourceRules)
	return strict && everywhere && equality.Semantic.DeepEqual(got.Validations, want.Validations) &&
		b.Spec.PolicyName == v.binding.Spec.PolicyName && b.Spec.MatchResources == nil && b.Spec.ParamRef == nil &&
		slices.Contains(b.Spec.ValidationActions, admissionv1.Deny)
}

// verdict is what people decided on a plan.
type verdict struct {
	yes, no bool
	users   []string
	because string
	through string            // how the last of them said it
	missing []string          // namespaces in which nobody has said yes
	early   map[string]string // by namespace, an approval of a time when nothing vouched yet for whose it is
}

// decidedBy counts what people decided on a plan: a no anywhere is a no, a yes is needed in every namespace. What was
// decided before since does not count.
func decidedBy(approvals []v1alpha1.RemediationApproval, incident types.NamespacedName, p v1alpha1.Plan, since time.Time) verdict {
	v := verdict{early: map[string]string{}}
	agreed := map[string]bool{}
	for _, a := range approvals {
		if !concerns(&a, incident, p) {
			continue
		}
		if a.CreationTimestamp.Time.Before(since) {
			v.early[a.Namespace] = a.Name
			continue
		}
		switch a.Spec.Decision {
		case v1alpha1.Reject:
			return verdict{no: true, users: []string{a.Spec.User}, because: a.Spec.Reason, through: a.Annotations[v1alpha1.AnnotationThrough]}
		case v1alpha1.Approve:
			agreed[a.Namespace], v.through = true, a.Annotations[v1alpha1.AnnotationThrough]
			if !slices.Contains(v.users, a.Spec.User) {
				v.users = append(v.users, a.Spec.User)
			}
			if v.because == "" {
				v.because = a.Spec.Reason
			}
		}
	}
	for _, ns := range p.ApprovalNamespaces {
		if !agreed[ns] {
			v.missing = append(v.missing, ns)
		}
	}
	v.yes = len(v.missing) == 0 && len(p.ApprovalNamespaces) > 0
	slices.Sort(v.users)
	return v
}

// concerns reports whether somebody decided on a plan of an incident, in a namespace where the plan changes something.
func concerns(a *v1alpha1.RemediationApproval, incident types.NamespacedName, p v1alpha1.Plan) bool {
	of := types.NamespacedName{Namespace: cmp.Or(a.Spec.Incident.Namespace, a.Namespace), Name: a.Spec.Incident.Name}
	return of == incident && a.Spec.Plan == p.ID && p.ID != "" && a.Spec.User != "" && slices.Contains(p.ApprovalNamespaces, a.Namespace)
}

// wanted says what is waited for.
func (v verdict) wanted(plan string, since time.Time) string {
	text := fmt.Sprintf("a person must decide on plan %s by a RemediationApproval in namespace %s", plan, strings.Join(v.missing, " and "))
	for _, ns := range v.missing {
		if name := v.early[ns]; name != "" {
			text += fmt.Sprintf("; %s/%s is older than what vouches for whose it is, which holds since %s: say it again", ns, name, since.UTC().Format(time.TimeOnly))
		}
	}
	return text
}

// recorded is the verdict as an incident keeps it.
func (v verdict) recorded(plan string, d v1alpha1.Decision) v1alpha1.DecisionRecord {
	const most = 64 // anybody may write the annotation
	through := strings.ToValidUTF8(v.through[:min(len(v.through), most)], "")
	return v1alpha1.DecisionRecord{Plan: plan, Verdict: string(d), User: v.names(), Through: through, Because: v.because}
}

func (v verdict) names() string { return strings.Join(v.users, ", ") }
