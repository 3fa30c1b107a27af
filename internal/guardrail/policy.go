package guardrail

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/gatemend/gatemend/api/v1alpha1"
	"github.com/gatemend/gatemend/internal/catalogue"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/remedy"
)

// Set is some policies, checked and ready to decide. The zero value has none: it proposes everything.
type Set struct{ policies []policy }

// policy is a policy of which everything is parsed.
type policy struct {
	name    string
	match   match
	rules   []rule
	limits  limits // where one of the policy's rules decides
	given   limits // elsewhere: what the policy says itself, without defaults
	windows []window
	freezes []v1alpha1.Freeze
	optIn   bool
}

type rule struct {
	name           string
	match          match
	mode           v1alpha1.Mode
	confidence     float64
	maxUnavailable intstr.IntOrString
	allowOwners    []string
}

type limits struct {
	object, namespace, cluster int
	cooldown                   time.Duration
	stormIncidents             int
	stormWithin                time.Duration
}

// The bounds of what a policy may say.
const (
	defaultAtOnce   = "25%"
	leastConfidence = int32(plan.MinConfidence * 100)
	mostConfidence  = 100
	mostPerHour     = 10_000
)

// defaults are the limits of which a policy says nothing; the documentation of the API names them too.
func defaults() limits {
	return limits{object: 2, namespace: 10, cluster: 20, cooldown: 10 * time.Minute, stormIncidents: 5, stormWithin: 10 * time.Minute}
}

// unlimited holds nothing back.
func unlimited() limits {
	return limits{object: math.MaxInt, namespace: math.MaxInt, cluster: math.MaxInt, stormIncidents: math.MaxInt, stormWithin: 10 * time.Minute}
}

// Counts are what a set holds.
type Counts struct {
	Policies int `json:"policies"`
	Rules    int `json:"rules"`
}

// Counts says how many policies and rules there are.
func (s Set) Counts() Counts {
	c := Counts{Policies: len(s.policies)}
	for _, p := range s.policies {
		c.Rules += len(p.rules)
	}
	return c
}

// Burst is how many changes policies let be made in ten minutes: a sixth of the least actionsPerHour.cluster that any of
// them states; 0: none states any.
func (s Set) Burst() int {
	least := math.MaxInt
	for _, p := range s.policies {
		least = min(least, p.given.cluster)
	}
	if least == math.MaxInt {
		return 0
	}
	return least / 6
}

// Parse reads the policies of a file, one or more YAML documents. The error joins a [*Problem] for everything
// that is wrong in it; a set is given only if there is none.
func Parse(file string, data []byte) (Set, error) {
	docs, err := documents(file, data)
	problems := []error{err}
	env, err := newEnv()
	if err != nil {
		return Set{}, fmt.Errorf("declare the variables of expressions: %w", err)
	}
	var set Set
	names := map[string]bool{}
	for _, d := range docs {
		if names[d.policy.Name] {
			problems = append(problems, d.problem("metadata.name", fmt.Sprintf("%q is the name of another policy in this file", d.policy.Name)))
		}
		names[d.policy.Name] = true
		c := compiler{env: env}
		set.policies = append(set.policies, c.policy(d.policy))
		for _, e := range c.errs {
			problems = append(problems, d.problem(e.Field, e.ErrorBody()))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return Set{}, err
	}
	return set, nil
}

// Compile makes policies that are objects of a cluster ready to decide. The error joins a [*Problem] for everything
// that is wrong, whose File is the name of the policy.
func Compile(policies ...v1alpha1.RemediationPolicy) (Set, error) {
	env, err := newEnv()
	if err != nil {
		return Set{}, fmt.Errorf("declare the variables of expressions: %w", err)
	}
	var set Set
	var problems []error
	for _, p := range policies {
		c := compiler{env: env}
		set.policies = append(set.policies, c.policy(p))
		for _, e := range c.errs {
			problems = append(problems, &Problem{File: p.Name, Field: e.Field, What: e.ErrorBody()})
		}
	}
	if err := errors.Join(problems...); err != nil {
		return Set{}, err
	}
	return set, nil
}

// compiler turns a policy into what decides, and collects what is wrong.
type compiler struct {
	env  *cel.Env
	errs field.ErrorList
}

func (c *compiler) wrong(e *field.Error) { c.errs = append(c.errs, e) }

func (c *compiler) policy(p v1alpha1.RemediationPolicy) policy {
	at := field.NewPath("spec")
	out := policy{name: p.Name, match: c.match(p.Spec.Match, at.Child("match")), limits: c.limits(p.Spec.Limits, at.Child("limits"), defaults())}
	out.given = (&compiler{}).limits(p.Spec.Limits, at, unlimited()) // what is wrong has been said
	names := map[string]bool{}
	for i, r := range p.Spec.Rules {
		at := at.Child("rules").Index(i)
		if r.Name == "" {
			c.wrong(field.Required(at.Child("name"), "refusals name the rule by it"))
		} else if names[r.Name] {
			c.wrong(field.Duplicate(at.Child("name"), r.Name))
		}
		names[r.Name] = true
		out.rules = append(out.rules, c.rule(r, at))
	}
	for i, w := range p.Spec.Windows {
		out.windows = append(out.windows, c.window(w, at.Child("windows").Index(i)))
	}
	for i, f := range p.Spec.Freezes {
		if !f.To.After(f.From.Time) {
			c.wrong(field.Invalid(at.Child("freezes").Index(i).Child("to"), f.To.UTC().Format(time.RFC3339), "must be after from"))
		}
	}
	out.freezes = p.Spec.Freezes
	switch p.Spec.NamespaceOptIn {
	case "", v1alpha1.OptInRequired:
		out.optIn = true
	case v1alpha1.OptInNotRequired:
	default:
		c.wrong(field.NotSupported(at.Child("namespaceOptIn"), p.Spec.NamespaceOptIn, []v1alpha1.NamespaceOptIn{v1alpha1.OptInRequired, v1alpha1.OptInNotRequired}))
	}
	return out
}

func (c *compiler) rule(r v1alpha1.Rule, at *field.Path) rule {
	out := rule{
		name: r.Name, mode: r.Mode, match: c.match(r.Match, at.Child("match")), confidence: plan.MinConfidence,
		maxUnavailable: intstr.FromString(defaultAtOnce), allowOwners: r.AllowOwners,
	}
	modes := []v1alpha1.Mode{v1alpha1.ModeOff, v1alpha1.ModePropose, v1alpha1.ModeApprove, v1alpha1.ModeAuto}
	if !slices.Contains(modes, r.Mode) {
		c.wrong(field.NotSupported(at.Child("mode"), r.Mode, modes))
	}
	if v := r.MinConfidencePercent; v != nil {
		out.confidence = float64(*v) / 100
		if *v < leastConfidence || *v > mostConfidence {
			c.wrong(field.Invalid(at.Child("minConfidencePercent"), *v, fmt.Sprintf("must be from %d, below which nothing is ever changed, to %d", leastConfidence, mostConfidence)))
		}
	}
	if v := r.MaxUnavailable; v != nil {
		out.maxUnavailable = *v
		if n, err := intstr.GetScaledValueFromIntOrPercent(v, 100, true); err != nil || n < 0 || v.Type == intstr.String && n > 100 {
			c.wrong(field.Invalid(at.Child("maxUnavailable"), v.String(), "must be a number of pods or a share such as 25%"))
		}
	}
	tools := []model.Tool{model.ToolArgoCD, model.ToolFlux, model.ToolHelm, model.ToolKustomize, model.ToolOperator}
	for i, o := range r.AllowOwners {
		if !slices.Contains(tools, model.Tool(o)) {
			c.wrong(field.NotSupported(at.Child("allowOwners").Index(i), model.Tool(o), tools))
		}
	}
	return out
}

func (c *compiler) match(m v1alpha1.Match, at *field.Path) match {
	out := match{namespaces: m.Namespaces, causes: m.Causes, actions: m.Actions}
	out.namespaceLabels = c.selector(m.NamespaceSelector, at.Child("namespaceSelector"))
	out.objectLabels = c.selector(m.ObjectSelector, at.Child("objectSelector"))
	for i, n := range m.Namespaces {
		if n == "" || strings.ContainsAny(n, "?[]\\ ") {
			c.wrong(field.Invalid(at.Child("namespaces").Index(i), n, "must be a name, in which * stands for any characters"))
		}
	}
	for i, id := range m.Causes {
		if _, known := catalogue.Lookup(model.CauseID(id)); !known {
			c.wrong(field.NotFound(at.Child("causes").Index(i), id))
		}
	}
	known := actions()
	for i, a := range m.Actions {
		if !slices.Contains(known, a) {
			c.wrong(field.NotSupported(at.Child("actions").Index(i), a, known))
		}
	}
	if m.Expression != "" {
		var err error
		if out.expression, err = compile(c.env, m.Expression); err != nil {
			c.wrong(field.Invalid(at.Child("expression"), m.Expression, err.Error()))
		}
	}
	return out
}

func actions() []string {
	var out []string
	for _, a := range remedy.All() {
		out = append(out, a.Name)
	}
	slices.Sort(out)
	return out
}

func (c *compiler) selector(s *metav1.LabelSelector, at *field.Path) labels.Selector {
	if s == nil {
		return nil
	}
	out, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		c.wrong(field.Invalid(at, metav1.FormatLabelSelector(s), err.Error()))
	}
	return out
}

func (c *compiler) limits(l v1alpha1.Limits, at *field.Path, otherwise limits) limits {
	hour := at.Child("actionsPerHour")
	out := limits{
		object:    c.count(l.ActionsPerHour.Object, otherwise.object, hour.Child("object")),
		namespace: c.count(l.ActionsPerHour.Namespace, otherwise.namespace, hour.Child("namespace")),
		cluster:   c.count(l.ActionsPerHour.Cluster, otherwise.cluster, hour.Child("cluster")),
		cooldown:  c.duration(l.Cooldown, otherwise.cooldown, at.Child("cooldown")),
	}
	storm := cmp.Or(l.Storm, &v1alpha1.Storm{})
	out.stormIncidents = c.count(storm.Incidents, otherwise.stormIncidents, at.Child("storm", "incidents"))
	out.stormWithin = c.duration(storm.Within, otherwise.stormWithin, at.Child("storm", "within"))
	if storm.Incidents != nil && *storm.Incidents == 0 {
		c.wrong(field.Invalid(at.Child("storm", "incidents"), 0, "must be at least 1; mode propose changes nothing"))
	}
	return out
}

func (c *compiler) count(v *int32, otherwise int, at *field.Path) int {
	if v == nil {
		return otherwise
	}
	if *v < 0 || *v > mostPerHour {
		c.wrong(field.Invalid(at, *v, fmt.Sprintf("must be from 0 to %d", mostPerHour)))
	}
	return int(*v)
}

func (c *compiler) duration(v *metav1.Duration, otherwise time.Duration, at *field.Path) time.Duration {
	if v == nil {
		return otherwise
	}
	if v.Duration < 0 || v.Duration > remembered {
		c.wrong(field.Invalid(at, v.Duration.String(), fmt.Sprintf("must be from 0s to %s", remembered)))
	}
	return v.Duration
}
