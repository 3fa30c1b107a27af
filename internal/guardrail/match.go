package guardrail

import (
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/gatemend/gatemend/internal/model"
)

type match struct {
	namespaces, causes, actions   []string
	namespaceLabels, objectLabels labels.Selector // nil: any
	expression                    cel.Program     // nil: none
}

// answer is whether something matches.
type answer bool

const yes answer = true

// matches asks whether a match is about a plan and an object that it changes; unsure says why that cannot be
// told.
func (m match) matches(p model.Plan, t Target) (matched answer, unsure string) {
	switch {
	case len(m.namespaces) > 0 && !slices.ContainsFunc(m.namespaces, func(pattern string) bool { return glob(pattern, t.Namespace) }),
		len(m.causes) > 0 && !slices.Contains(m.causes, string(p.Finding.ID)),
		len(m.actions) > 0 && !slices.Contains(m.actions, p.Remedy.Action):
		return false, ""
	case m.namespaceLabels != nil && !t.NamespaceKnown:
		return false, "the labels of namespace " + t.Namespace + " are not known"
	case m.objectLabels != nil && !t.Known:
		return false, "the labels of " + t.String() + " are not known"
	case m.namespaceLabels != nil && !m.namespaceLabels.Matches(labels.Set(t.NamespaceLabels)),
		m.objectLabels != nil && !m.objectLabels.Matches(labels.Set(t.Labels)):
		return false, ""
	case m.expression == nil:
		return yes, ""
	}
	if !t.Known || !t.NamespaceKnown && t.Namespace != "" {
		return false, "the expression cannot be asked, since the labels of " + t.String() + " or of its namespace are not known"
	}
	ok, err := evaluate(m.expression, p, t)
	if err != nil {
		return false, "the expression failed: " + err.Error()
	}
	return answer(ok), ""
}

// glob matches a name with a pattern in which * stands for any characters.
func glob(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == name
	}
	rest, ok := strings.CutPrefix(name, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1 : len(parts)-1] {
		_, after, found := strings.Cut(rest, part)
		if !found {
			return false
		}
		rest = after
	}
	return strings.HasSuffix(rest, parts[len(parts)-1])
}
