package simapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"time"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// call is a request that was understood.
type call struct {
	key

	verb, subresource string
	group, version    string
	dryRun            bool
	selector          labels.Selector
	contentType       string
	manager           string // of fields
	body              []byte
}

// parse reads a request: /api/v1/... or /apis/GROUP/VERSION/..., with or without a namespace.
func parse(r *http.Request, body []byte) (call, bool) {
	c := call{body: body, contentType: r.Header.Get("Content-Type")}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case len(parts) >= 3 && parts[0] == "api":
		c.version, parts = parts[1], parts[2:]
	case len(parts) >= 4 && parts[0] == "apis":
		c.group, c.version, parts = parts[1], parts[2], parts[3:]
	default:
		return c, false
	}
	if parts[0] == "namespaces" && len(parts) > 2 {
		c.namespace, parts = parts[1], parts[2:]
	}
	c.resource = schema.GroupResource{Group: c.group, Resource: parts[0]}
	if len(parts) > 1 {
		c.name = parts[1]
	}
	if len(parts) > 2 {
		c.subresource = parts[2]
	}
	q := r.URL.Query()
	var options struct {
		DryRun []string `json:"dryRun"`
		Delete struct {
			DryRun []string `json:"dryRun"`
		} `json:"deleteOptions"`
	}
	if r.Method != http.MethodPatch && json.Unmarshal(body, &options) == nil {
		c.dryRun = len(options.DryRun)+len(options.Delete.DryRun) > 0
	}
	c.dryRun, c.manager = c.dryRun || q.Get("dryRun") != "", q.Get("fieldManager")
	var err error
	if c.selector, err = labels.Parse(q.Get("labelSelector")); err != nil {
		return c, false
	}
	c.verb = map[string]string{http.MethodGet: "get", http.MethodPost: "create", http.MethodPatch: "patch", http.MethodDelete: "delete"}[r.Method]
	if c.verb == "get" && c.name == "" {
		c.verb = "list"
	}
	return c, c.verb != ""
}

func (s *Server) answer(user string, r *http.Request, body []byte) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.now()
	c, ok := parse(r, body)
	if !ok {
		return refuse(http.StatusMethodNotAllowed, metav1.StatusReasonMethodNotAllowed, "%s %s is not simulated", r.Method, r.URL)
	}
	before := s.version
	a := s.handle(c)
	s.audit(user, r, c, a, at)
	if s.version != before && s.Changed != nil {
		s.Changed()
	}
	return a
}

func (s *Server) handle(c call) answer {
	if c.verb == "list" {
		return s.list(c)
	}
	if c.verb == "create" && c.subresource == "" {
		return s.create(c)
	}
	o := s.objects[c.key]
	if o == nil {
		return refuse(http.StatusNotFound, metav1.StatusReasonNotFound, "%s %q not found", c.resource, c.name)
	}
	switch {
	case c.verb == "get" && c.subresource == "":
		return answer{http.StatusOK, o}
	case c.verb == "patch" && c.subresource == "":
		return s.patch(c, o)
	case c.verb == "delete" && c.subresource == "":
		return s.delete(c, o, c.body)
	case c.verb == "create" && c.subresource == "eviction":
		return s.evict(c, o)
	default:
		return refuse(http.StatusMethodNotAllowed, metav1.StatusReasonMethodNotAllowed, "%s of %s is not simulated", c.verb, c.subresource)
	}
}

func (s *Server) list(c call) answer {
	items := []any{}
	for _, o := range s.All("") {
		k := s.keyOf(o)
		if k.resource == c.resource && (c.namespace == "" || k.namespace == c.namespace) && c.selector.Matches(labels.Set(o.GetLabels())) {
			items = append(items, o.Object)
		}
	}
	return answer{http.StatusOK, map[string]any{"apiVersion": "v1", "kind": "List", "metadata": map[string]any{}, "items": items}}
}

func (s *Server) create(c call) answer {
	o := &unstructured.Unstructured{}
	if err := json.Unmarshal(c.body, &o.Object); err != nil {
		return refuse(http.StatusBadRequest, metav1.StatusReasonBadRequest, "%v", err)
	}
	o.SetNamespace(c.namespace)
	k := s.keyOf(o)
	if s.objects[k] != nil {
		return refuse(http.StatusConflict, metav1.StatusReasonAlreadyExists, "%s %q already exists", c.resource, o.GetName())
	}
	if c.dryRun {
		return answer{http.StatusCreated, o}
	}
	o.SetUID("")
	s.store(k, o)
	return answer{http.StatusCreated, o}
}

func (s *Server) patch(c call, o *unstructured.Unstructured) answer {
	before, err := o.MarshalJSON()
	if err != nil {
		return refuse(http.StatusInternalServerError, metav1.StatusReasonInternalError, "%v", err)
	}
	var after []byte
	switch types.PatchType(c.contentType) {
	case types.JSONPatchType:
		ops, decodeErr := jsonpatch.DecodePatch(c.body)
		if decodeErr != nil {
			return refuse(http.StatusBadRequest, metav1.StatusReasonBadRequest, "%v", decodeErr)
		}
		after, err = ops.Apply(before)
	case types.MergePatchType:
		after, err = jsonpatch.MergePatch(before, c.body)
	default:
		return refuse(http.StatusUnsupportedMediaType, metav1.StatusReasonUnsupportedMediaType, "%s is not simulated", c.contentType)
	}
	if err != nil { // as apiserver's jsonPatcher has it (k8s.io/apiserver, pkg/endpoints/handlers/patch.go)
		return refuse(http.StatusUnprocessableEntity, metav1.StatusReasonInvalid, "the server rejected our request due to an error in our request")
	}
	next := &unstructured.Unstructured{}
	if err := next.UnmarshalJSON(after); err != nil {
		return refuse(http.StatusBadRequest, metav1.StatusReasonBadRequest, "%v", err)
	}
	if c.manager != "" {
		if err := own(c.manager, o, next); err != nil {
			return refuse(http.StatusBadRequest, metav1.StatusReasonBadRequest, "%v", err)
		}
	}
	if c.dryRun || equal(o, next) {
		return answer{http.StatusOK, next}
	}
	s.store(c.key, next)
	return answer{http.StatusOK, next}
}

// delete removes an object whose preconditions hold.
func (s *Server) delete(c call, o *unstructured.Unstructured, options []byte) answer {
	var d metav1.DeleteOptions
	if len(options) > 0 {
		if err := json.Unmarshal(options, &d); err != nil {
			return refuse(http.StatusBadRequest, metav1.StatusReasonBadRequest, "%v", err)
		}
	}
	if p := d.Preconditions; p != nil && (p.UID != nil && *p.UID != o.GetUID() || p.ResourceVersion != nil && *p.ResourceVersion != o.GetResourceVersion()) {
		return refuse(http.StatusConflict, metav1.StatusReasonConflict, "the preconditions do not hold of %s %q", c.resource, c.name)
	}
	if !c.dryRun {
		s.Remove(o)
	}
	return answer{http.StatusOK, metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusSuccess}}
}

// evict deletes a pod if the budgets for it allow that (Kubernetes documentation, "API-initiated eviction"). A pod that
// is not ready may go while as many as are wanted are.
func (s *Server) evict(c call, pod *unstructured.Unstructured) answer {
	var e policyv1.Eviction
	if err := json.Unmarshal(c.body, &e); err != nil {
		return refuse(http.StatusBadRequest, metav1.StatusReasonBadRequest, "%v", err)
	}
	for _, o := range s.All("PodDisruptionBudget") {
		var b policyv1.PodDisruptionBudget
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &b); err != nil || b.Namespace != c.namespace || b.Spec.MinAvailable == nil {
			continue
		}
		selector, err := metav1.LabelSelectorAsSelector(b.Spec.Selector)
		if err != nil || !selector.Matches(labels.Set(pod.GetLabels())) {
			continue
		}
		ready := 0
		for _, p := range s.All("Pod") {
			if p.GetNamespace() == c.namespace && selector.Matches(labels.Set(p.GetLabels())) && Ready(p) {
				ready++
			}
		}
		need := b.Spec.MinAvailable.IntValue()
		if Ready(pod) {
			need++
		}
		if ready < need {
			a := refuse(http.StatusTooManyRequests, metav1.StatusReasonTooManyRequests, "Cannot evict pod as it would violate the pod's disruption budget.")
			status, _ := a.body.(metav1.Status)
			status.Details = &metav1.StatusDetails{Causes: []metav1.StatusCause{{Type: policyv1.DisruptionBudgetCause, Message: fmt.Sprintf("The disruption budget %s needs %d healthy pods and has %d currently", b.Name, b.Spec.MinAvailable.IntValue(), ready)}}}
			a.body = status
			return a
		}
	}
	options, err := json.Marshal(e.DeleteOptions)
	if err != nil {
		return refuse(http.StatusBadRequest, metav1.StatusReasonBadRequest, "%v", err)
	}
	a := s.delete(c, pod, options)
	if a.code == http.StatusOK {
		a.code = http.StatusCreated
	}
	return a
}

// Ready reports whether a pod is.
func Ready(pod *unstructured.Unstructured) bool {
	conditions, _, err := unstructured.NestedSlice(pod.Object, "status", "conditions")
	if err != nil {
		return false
	}
	for _, c := range conditions {
		if m, ok := c.(map[string]any); ok && m["type"] == "Ready" {
			return m["status"] == "True"
		}
	}
	return false
}

// audit writes a request down as kube-apiserver does at level Request.
func (s *Server) audit(user string, r *http.Request, c call, a answer, at time.Time) {
	event := map[string]any{
		"kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Request", "stage": "ResponseComplete", "requestURI": r.URL.RequestURI(), "verb": c.verb,
		"user":                     map[string]any{"username": user},
		"objectRef":                map[string]any{"resource": c.resource.Resource, "apiGroup": c.group, "namespace": c.namespace, "name": c.name, "subresource": c.subresource},
		"responseStatus":           map[string]any{"code": a.code},
		"requestReceivedTimestamp": at.UTC().Format("2006-01-02T15:04:05.000000Z07:00"),
	}
	if len(c.body) > 0 && c.verb != "get" && c.verb != "list" {
		event["requestObject"] = json.RawMessage(c.body)
	}
	line, err := json.Marshal(event)
	if err != nil {
		line = []byte(err.Error()) // whoever reads the log stumbles over it
	}
	s.log.Write(append(line, '\n'))
}

func uid(n int) types.UID { return types.UID(fmt.Sprintf("00000000-0000-0000-0000-%012d", n)) }

func equal(a, b *unstructured.Unstructured) bool {
	x, err1 := a.MarshalJSON()
	y, err2 := b.MarshalJSON()
	return err1 == nil && err2 == nil && jsonpatch.Equal(x, y)
}

func equalSpec(a, b *unstructured.Unstructured) bool {
	return reflect.DeepEqual(a.Object["spec"], b.Object["spec"])
}
