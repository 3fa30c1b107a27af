package owner

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"sigs.k8s.io/yaml"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Propose makes of a change to an object what a person puts into the source of its owner. action is the
// repair's name, since for some owners there is a better way to it than a patch.
func Propose(s *snapshot.Snapshot, o model.Owner, c model.Change, action string) (model.Proposal, error) {
	p := model.Proposal{Owner: o, Do: steps(o, action)}
	if c.Op != model.OpPatch || o.Field != "" || o.Tool == model.ToolOperator {
		return p, nil // there is no manifest of the object to be patched
	}
	before, presence := s.Lookup(c.Target)
	if presence != snapshot.Present {
		return p, fmt.Errorf("propose a change of %s: it is not in the snapshot", c.Target)
	}
	next, err := s.With(c)
	if err != nil {
		return p, fmt.Errorf("propose a change of %s: %w", c.Target, err)
	}
	after, _ := next.Lookup(c.Target) // With has just changed it
	if p.StrategicMerge, err = mergePatch(before, after, c.Target); err != nil {
		return p, err
	}
	if p.Kustomization, err = kustomization(c, p.StrategicMerge, keyed(before)); err != nil {
		return p, err
	}
	if o.Tool == model.ToolHelm || strings.HasPrefix(o.Name, "HelmRelease ") {
		p.HelmValues, err = helmValues(c, after)
	}
	return p, err
}

// keyed reports whether lists of the object have keys by which patches name their items: those of custom
// resources, Gateway API among them, are replaced as a whole.
func keyed(o metav1.Object) bool {
	_, custom := o.(*unstructured.Unstructured)
	return !custom && !strings.Contains(snapshot.RefOf(o).APIVersion, ".x-k8s.io/") && !strings.HasPrefix(snapshot.RefOf(o).APIVersion, "gateway.networking.k8s.io/")
}

// mergePatch is a change as a strategic merge patch, or, where lists have no keys, as a merge patch (RFC 7386).
func mergePatch(before, after metav1.Object, ref model.Ref) (string, error) {
	a, err := snapshot.JSONOf(before)
	if err != nil {
		return "", err
	}
	b, err := snapshot.JSONOf(after)
	if err != nil {
		return "", err
	}
	var patch []byte
	if keyed(before) {
		patch, err = strategicpatch.CreateTwoWayMergePatch(a, b, before)
	} else {
		patch, err = jsonpatch.CreateMergePatch(a, b)
	}
	if err != nil {
		return "", fmt.Errorf("make a patch of %s: %w", ref, err)
	}
	var fields map[string]any
	d := json.NewDecoder(bytes.NewReader(patch))
	d.UseNumber()
	if err := d.Decode(&fields); err != nil {
		return "", fmt.Errorf("make a patch of %s: %w", ref, err)
	}
	plainPatch(fields)
	var object any
	if err := json.Unmarshal(b, &object); err != nil {
		return "", fmt.Errorf("make a patch of %s: %w", ref, err)
	}
	protocols(fields, object)
	meta, _ := fields["metadata"].(map[string]any)
	if meta == nil {
		meta = map[string]any{}
	}
	meta["name"] = ref.Name
	if ref.Namespace != "" {
		meta["namespace"] = ref.Namespace
	}
	fields["apiVersion"], fields["kind"], fields["metadata"] = ref.APIVersion, ref.Kind, meta
	delete(fields, "status")
	return yamlText(fields)
}

// plainPatch takes out the directives about order and about keys to retain, which kubectl sends and kustomize
// does not know.
func plainPatch(v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, child := range v {
			if strings.HasPrefix(k, "$setElementOrder/") || k == "$retainKeys" {
				delete(v, k)
				continue
			}
			plainPatch(child)
		}
	case []any:
		for _, child := range v {
			plainPatch(child)
		}
	}
}

// protocols gives ports in a patch the protocol that they have in the object. Kubernetes finds ports by their
// number alone, kustomize by number and protocol, and it drops a patch of a port without one in silence.
func protocols(patch, object any) {
	switch p := patch.(type) {
	case map[string]any:
		o, _ := object.(map[string]any)
		for k, child := range p {
			protocols(child, o[k])
		}
	case []any:
		items, _ := object.([]any)
		for _, child := range p {
			item, ok := child.(map[string]any)
			if !ok {
				continue
			}
			same := twin(items, item)
			if protocol, ok := same["protocol"]; ok && item["protocol"] == nil {
				item["protocol"] = protocol
			}
			protocols(item, same)
		}
	}
}

// twin finds the item of an object's list that an item of a patch is merged into.
func twin(items []any, item map[string]any) map[string]any {
	for _, key := range []string{"containerPort", "port", "name"} {
		if item[key] == nil {
			continue
		}
		for _, i := range items {
			if o, ok := i.(map[string]any); ok && fmt.Sprint(o[key]) == fmt.Sprint(item[key]) {
				return o
			}
		}
	}
	return nil
}

// kustomization is the entry of a kustomization.yaml that makes a change: a strategic merge patch where items
// of lists are found by their keys, a JSON patch elsewhere.
func kustomization(c model.Change, merge string, keyed bool) (string, error) {
	patch := merge
	if !keyed {
		data, err := snapshot.JSONPatch(model.Change{Op: c.Op, Target: c.Target, Fields: c.Fields})
		if err != nil {
			return "", fmt.Errorf("make a patch of %s: %w", c.Target, err)
		}
		text, err := yaml.JSONToYAML(data)
		if err != nil {
			return "", fmt.Errorf("make a patch of %s: %w", c.Target, err)
		}
		patch = string(text)
	}
	group, version, grouped := strings.Cut(c.Target.APIVersion, "/")
	if !grouped {
		group, version = "", group
	}
	var b strings.Builder
	b.WriteString("patches:\n- target:\n")
	if group != "" {
		fmt.Fprintf(&b, "    group: %s\n", group)
	}
	fmt.Fprintf(&b, "    version: %s\n    kind: %s\n    name: %s\n  patch: |-\n", version, c.Target.Kind, c.Target.Name)
	for line := range strings.Lines(patch) {
		b.WriteString("    " + line)
	}
	return b.String(), nil
}

func yamlText(v any) (string, error) {
	data, err := yaml.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("write YAML: %w", err)
	}
	return string(data), nil
}

// steps say what to do with an owner's source, as its documentation says it.
func steps(o model.Owner, action string) []string {
	on := func(flag, value string) string {
		if value == "" {
			return ""
		}
		return flag + model.ShellWord(value)
	}
	switch o.Tool {
	case model.ToolArgoCD:
		return []string{
			"put the change into the source of application " + o.Name + "; 'argocd app get " + model.ShellWord(o.Name) + "' names its repository and path",
			"argocd app sync " + model.ShellWord(o.Name),
		}
	case model.ToolFlux:
		return fluxSteps(o, on)
	case model.ToolHelm:
		release := model.ShellWord(o.Name) + on(" -n ", o.Namespace)
		if action == "rollback" {
			return []string{"helm history " + release, "helm rollback " + release + ", with the number of the revision that worked behind the name"}
		}
		return []string{
			"helm get values " + release + " -o yaml > values.yaml",
			"put the change into values.yaml, or into the template of the chart" + on(" ", o.Source) + " where it has no value for the field",
			"helm upgrade " + release + " CHART -f values.yaml",
		}
	case model.ToolKustomize:
		return []string{"put the patch into the kustomization.yaml that makes the object" + on(", for ", o.Source), "kubectl apply -k DIR"}
	case model.ToolOperator:
		return []string{"change " + o.Name + ", from which its operator makes the object"}
	case model.ToolAutoscaler:
		return []string{"change minReplicas or maxReplicas of " + o.String()}
	case model.ToolKEDA:
		return []string{"change minReplicaCount, or the trigger, of ScaledObject " + o.Name}
	case model.ToolVPA:
		return []string{"change minAllowed or maxAllowed in the resourcePolicy of the VerticalPodAutoscaler"}
	default:
		return nil
	}
}

func fluxSteps(o model.Owner, on func(flag, value string) string) []string {
	kind, path, _ := strings.Cut(o.Name, " ")
	namespace, name, ok := strings.Cut(path, "/")
	if !ok {
		namespace, name = "", path
	}
	if kind == "HelmRelease" {
		return []string{
			"put the change into spec.values of HelmRelease " + path + ", in the repository that keeps it",
			"flux reconcile helmrelease " + model.ShellWord(name) + on(" -n ", namespace) + " --with-source",
		}
	}
	return []string{
		"put the change into the source of " + o.Name + ", which 'flux trace' finds",
		"flux reconcile kustomization " + model.ShellWord(name) + on(" -n ", namespace) + " --with-source",
	}
}
