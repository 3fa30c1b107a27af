package cilium

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/gatemend/gatemend/internal/path/netpol"
)

// The labels that Cilium adds to a pod's own (cilium/cilium, pkg/k8s/apis/cilium.io).
const (
	namespaceLabel  = "io.kubernetes.pod.namespace"
	namespaceLabels = "io.cilium.k8s.namespace.labels."
	accountLabel    = "io.cilium.k8s.policy.serviceaccount"
	clusterLabel    = "io.cilium.k8s.policy.cluster"
)

// unnoticed are the labels of pods that Cilium does not look at unless its option labels says so (docs.cilium.io, Limiting
// Identity-Relevant Labels).
var unnoticed = regexp.MustCompile(`^(io\.kubernetes|kubernetes\.io|statefulset\.kubernetes\.io|apps\.kubernetes\.io/pod-index|batch\.kubernetes\.io|.*beta\.kubernetes\.io|k8s\.io|pod-template|controller-revision-hash|annotation|controller-uid|etcd_node)`)

// selects reports whether a selector of a policy takes a pod. One of a policy with a namespace takes pods of that
// namespace only, unless it speaks of namespaces itself.
func selects(selector map[string]any, namespace string, e netpol.End) Answer {
	if e.Pod == nil {
		return No
	}
	out, elsewhere := Yes, false
	for key, value := range at(selector, "matchLabels") {
		want, ok := value.(string)
		elsewhere = elsewhere || ofNamespaces(key)
		out = min(out, asks(key, e, func(have string, there bool) bool { return ok && there && have == want }))
	}
	for _, x := range list(selector, "matchExpressions") {
		key, ok := x["key"].(string)
		test := expression(x)
		if !ok || test == nil {
			return Maybe
		}
		elsewhere = elsewhere || ofNamespaces(key)
		out = min(out, asks(key, e, test))
	}
	if namespace != "" && !elsewhere && namespace != e.Pod.Namespace {
		return No
	}
	return out
}

// expression is the test of a matchExpressions' item; nil if it is of no known form.
func expression(x map[string]any) func(have string, there bool) bool {
	values := texts(x["values"])
	switch x["operator"] {
	case "In":
		return func(have string, there bool) bool { return there && slices.Contains(values, have) }
	case "NotIn":
		return func(have string, there bool) bool { return !there || !slices.Contains(values, have) }
	case "Exists":
		return func(_ string, there bool) bool { return there }
	case "DoesNotExist":
		return func(_ string, there bool) bool { return !there }
	default:
		return nil
	}
}

// bare cuts off where a label comes from: of Kubernetes, or of anywhere.
func bare(key string) string {
	for _, source := range []string{"k8s:", "any:"} {
		if rest, ok := strings.CutPrefix(key, source); ok {
			return rest
		}
	}
	return key
}

func ofNamespaces(key string) bool {
	key = bare(key)
	return key == namespaceLabel || strings.HasPrefix(key, namespaceLabels) || strings.HasPrefix(key, "reserved:")
}

// asks applies a test to a pod's label. The labels of another source than Kubernetes are those of what is no pod.
func asks(key string, e netpol.End, test func(have string, there bool) bool) Answer {
	key = bare(key)
	switch rest, ofNamespace := strings.CutPrefix(key, namespaceLabels); {
	case strings.HasPrefix(key, "reserved:"):
		return is(test("", false))
	case strings.Contains(key, ":"), key == clusterLabel, unnoticed.MatchString(key) && key != namespaceLabel:
		return Maybe
	case ofNamespace:
		have, there := e.Namespace[rest]
		if !there && e.Unread {
			return Maybe
		}
		return is(test(have, there))
	case key == namespaceLabel:
		return is(test(e.Pod.Namespace, true))
	case key == accountLabel:
		return is(test(cmp.Or(e.Pod.Spec.ServiceAccountName, "default"), true))
	default:
		have, there := e.Pod.Labels[key]
		return is(test(have, there))
	}
}
