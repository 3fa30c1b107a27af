package owner

import (
	"encoding/json"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// ofResources is the VerticalPodAutoscaler that keeps a container's requests or limits: the one that names the
// workload and acts; where none does, the one whose admission controller has marked the pods that it changed
// (kubernetes/autoscaler: vertical-pod-autoscaler/docs/api.md, and annotation vpaUpdates).
func ofResources(s *snapshot.Snapshot, o metav1.Object, pointer string) (model.Owner, bool) {
	workload := snapshot.RefOf(o)
	found := model.Owner{Tool: model.ToolVPA, Object: workload, Field: pointer}
	named := false
	for vpa := range s.Others().In(o.GetNamespace()) {
		if vpa.GetKind() != "VerticalPodAutoscaler" || text(vpa, "spec", "targetRef", "kind") != workload.Kind || text(vpa, "spec", "targetRef", "name") != workload.Name {
			continue
		}
		named = true
		mode := text(vpa, "spec", "updatePolicy", "updateMode")
		if mode == "" {
			mode = "Auto" // the API's default
		}
		if mode == "Off" || !controls(vpa, container(o, pointer), model.PointerSteps(pointer)) {
			continue // it only recommends
		}
		found.Name, found.Because = vpa.GetName(), snapshot.RefOf(vpa).String()+" sets the resources, updateMode "+mode
		if by := metav1.GetControllerOf(vpa); by != nil {
			found.Because += ", and is itself kept by " + by.Kind + " " + by.Name
		}
		return found, true
	}
	for pod := range s.Pods().In(o.GetNamespace()) {
		if !named && pod.Annotations["vpaUpdates"] != "" && s.WorkloadOf(pod) == workload {
			found.Because = "annotation vpaUpdates on pod " + pod.Name
			return found, true
		}
	}
	return model.Owner{}, false
}

// controls reports whether a VerticalPodAutoscaler sets a resource of a container: /spec/template/spec/containers/N/
// resources/(requests|limits)/(cpu|memory).
func controls(vpa *unstructured.Unstructured, container string, steps []string) bool {
	policies, _, err := unstructured.NestedSlice(vpa.Object, "spec", "resourcePolicy", "containerPolicies")
	if err != nil {
		return true // what cannot be read may be anything
	}
	own, rest := map[string]any(nil), map[string]any(nil)
	for _, p := range policies {
		switch m, ok := p.(map[string]any); {
		case !ok:
		case m["containerName"] == container:
			own = m
		case m["containerName"] == "*":
			rest = m
		}
	}
	if own == nil {
		own = rest
	}
	if own["mode"] == "Off" || own["controlledValues"] == "RequestsOnly" && slices.Contains(steps, "limits") {
		return false
	}
	resources, _, err := unstructured.NestedStringSlice(own, "controlledResources")
	last := steps[len(steps)-1]
	return err != nil || len(resources) == 0 || slices.Contains(resources, last) || last != "cpu" && last != "memory"
}

// container is the name of the container that a field is of, empty if of none.
func container(o metav1.Object, pointer string) string {
	steps := model.PointerSteps(pointer)
	data, err := snapshot.JSONOf(o)
	var fields any
	if err != nil || len(steps) < 5 || json.Unmarshal(data, &fields) != nil {
		return ""
	}
	name, ok := walk(fields, append(steps[:5:5], "name"))
	if s, isText := name.(string); ok && isText {
		return s
	}
	return ""
}

// text is the string at a path of an object, empty where there is none.
func text(o *unstructured.Unstructured, path ...string) string {
	s, _, err := unstructured.NestedString(o.Object, path...)
	if err != nil {
		return ""
	}
	return s
}
