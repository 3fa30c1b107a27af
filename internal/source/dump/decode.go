package dump

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/source/dump/typed"
)

func newDecoder() *decoder {
	d := &decoder{typed: typed.New(), spare: map[metav1.TypeMeta][]metav1.Object{}}
	d.typed.Passed = d.pass
	// Nobody reads these, and they differ from pod to pod.
	d.typed.Leave(reflect.TypeFor[corev1.ContainerStatus](), "containerID", "imageID")
	d.typed.Leave(reflect.TypeFor[corev1.ObjectReference](), "uid", "resourceVersion")
	return d
}

// decode makes an object of a piece of text, or several of one that is a list itself.
func (d *decoder) decode(p piece, text []byte) []decoded {
	data := bytes.TrimSpace(text)
	if !p.json && !json.Valid(data) {
		var err error
		if data, err = yaml.YAMLToJSON(text); err != nil {
			line, why := yamlFault(err)
			// Where the parser names no line, it is the object's first; where it names the one behind it, the last.
			line = max(1, min(line, 1+bytes.Count(bytes.TrimSpace(text), []byte{'\n'})))
			return []decoded{{line: p.line + line - 1, kind: listed(p.list), fault: &fault{line: p.line + line - 1, why: why}}}
		}
		data = bytes.TrimSpace(data)
	}
	if len(data) == 0 || data[0] != '{' {
		return []decoded{{line: p.line, fault: &fault{line: p.line, why: "not a Kubernetes object", foreign: true}}}
	}
	apiVersion, kind := typed.Head(data)
	if isListKind(kind) {
		if nested, ok := d.nested(data, p); ok {
			return nested
		}
	}
	one := d.object(p.list, data, apiVersion, kind)
	one.line = p.line
	if one.fault != nil {
		one.fault.line = p.line
	}
	return []decoded{one}
}

// listed is the kind of the items of a list that says so.
func listed(l *list) string {
	if l == nil || !isListKind(l.kind) {
		return ""
	}
	return strings.TrimSuffix(l.kind, "List")
}

// object decodes an object's JSON.
func (d *decoder) object(l *list, data []byte, apiVersion, kind string) decoded {
	out := decoded{kind: kind}
	fail := func(why string, foreign bool) decoded {
		out.fault = &fault{why: why, foreign: foreign}
		return out
	}
	switch {
	case kind == "" && listed(l) != "":
		// The items of a typed list do not repeat what they are.
		out.kind = listed(l)
		apiVersion = l.apiVersion
		if out.kind == string(snapshot.Ingresses) && bytes.Contains(data, []byte(`"servicePort"`)) {
			apiVersion = "networking.k8s.io/v1beta1" // the list was not asked for in the version that its name stands for
		}
		data = named(data, apiVersion, out.kind)
	case kind == "" || apiVersion == "":
		if err := json.Unmarshal(data, &struct{}{}); err != nil {
			return fail(err.Error(), false)
		}
		return fail("not a Kubernetes object: it has no kind or no apiVersion", true)
	case kind == "Status" && apiVersion == "v1":
		var status struct{ Message string }
		_ = json.Unmarshal(data, &status) // without a message there is none to be shown
		return fail("an error of the API server instead of objects: "+status.Message, false)
	case kind == indexKind && apiVersion == indexVersion:
		out.index = &index{}
		if err := json.Unmarshal(data, out.index); err != nil {
			out.index = nil
			return fail(err.Error(), false)
		}
		return out
	}
	o, err := d.typedObject(data, apiVersion, out.kind)
	if err != nil {
		return fail(err.Error(), false)
	}
	if o.GetName() == "" {
		return fail(fmt.Sprintf("a %s without a name", out.kind), false)
	}
	out.object, out.latest = o, latest(o)
	if t, err := time.Parse(time.RFC3339, d.passed); err == nil && t.After(out.latest) {
		out.latest = t
	}
	return out
}

// typedObject decodes an object into the type of its kind.
func (d *decoder) typedObject(data []byte, apiVersion, kind string) (metav1.Object, error) {
	o := d.empty(apiVersion, kind)
	if o == nil {
		return snapshot.Decode(data) // another version, or of no kind that has a type here
	}
	d.passed, d.typed.Without = "", ""
	if bulky(snapshot.Kind(kind)) {
		d.typed.Without = "managedFields"
	}
	if kind == string(snapshot.Pods) {
		levelTokens(data)
	}
	if err := d.typed.Decode(data, o); err != nil {
		return nil, fmt.Errorf("decode %s: %w", kind, err)
	}
	return o, nil
}

// empty gives an object of a kind to decode into, nil if the kind has no type in that version.
func (d *decoder) empty(apiVersion, kind string) metav1.Object {
	const some = 13 // pods fill 16 KiB, a size in which the runtime allocates
	of := metav1.TypeMeta{APIVersion: apiVersion, Kind: kind}
	spare := d.spare[of]
	if len(spare) == 0 {
		spare = snapshot.Empty(apiVersion, kind, some)
	}
	if len(spare) == 0 {
		return nil
	}
	d.spare[of] = spare[1:]
	return spare[0]
}

// bulky reports whether the managed fields of a kind are left away: there are many objects of the kind,
// and who changed what of them is told by the objects that they were made for.
func bulky(k snapshot.Kind) bool {
	return slices.Contains([]snapshot.Kind{
		snapshot.Pods, snapshot.ReplicaSets, snapshot.EndpointSlices, snapshot.Events, snapshot.Nodes, snapshot.Jobs, snapshot.Secrets,
	}, k)
}

// levelTokens gives the volumes of service account tokens the same name in all pods. The API server makes
// one for each pod (kubernetes/kubernetes, plugin/pkg/admission/serviceaccount), and nothing else keeps the
// pods of a ReplicaSet from sharing all of what their containers and volumes are.
func levelTokens(pod []byte) {
	const prefix, random = `"kube-api-access-`, "xxxxx"
	for {
		_, after, found := bytes.Cut(pod, []byte(prefix))
		if !found {
			return
		}
		if len(after) > len(random) && after[len(random)] == '"' {
			copy(after, random)
		}
		pod = after
	}
}

// pass notes the newest time in managed fields that are left away. Times in UTC sort as text.
func (d *decoder) pass(managed []byte) {
	for {
		_, after, found := bytes.Cut(managed, []byte(`"time"`))
		if !found {
			return
		}
		managed = bytes.TrimLeft(after, ": \t\r\n")
		if text, ok := bytes.CutPrefix(managed, []byte{'"'}); ok {
			if text, _, ok = bytes.Cut(text, []byte{'"'}); ok && string(text) > d.passed {
				d.passed = string(text)
			}
		}
	}
}

// mostNested is how many lists may be in one another: kubectl prints none in another.
const mostNested = 3

// nested decodes a list that was read as one object: its kind stands behind its items, which do not say
// what they are, or it is in flow style, or it is an item of another list. It reports whether it is one.
func (d *decoder) nested(data []byte, p piece) ([]decoded, bool) {
	var l struct {
		APIVersion string                    `json:"apiVersion"`
		Kind       string                    `json:"kind"`
		Metadata   struct{ Continue string } `json:"metadata"`
		Items      *json.RawMessage          `json:"items"`
	}
	if err := json.Unmarshal(data, &l); err != nil || l.Items == nil || p.nested > mostNested {
		return nil, false
	}
	of := &list{l.APIVersion, l.Kind, l.Metadata.Continue != ""}
	out := []decoded{{line: p.line, list: of}}
	line, from := p.line, 0
	for at, item := range typed.Items(data) {
		if p.json { // else the lines are those of the JSON form
			line, from = line+bytes.Count(data[from:at], []byte{'\n'}), at
		}
		out = append(out, d.decode(piece{list: of, line: line, json: true, nested: p.nested + 1}, item)...)
	}
	return out, true
}

// named puts a kind and an API version in front of an object's other fields.
func named(data []byte, apiVersion, kind string) []byte {
	head, err := json.Marshal(metav1.TypeMeta{APIVersion: apiVersion, Kind: kind})
	if err != nil {
		return data // two strings always have a JSON form
	}
	rest := bytes.TrimSpace(data[1:])
	if len(rest) > 0 && rest[0] == '}' {
		return head
	}
	return bytes.Join([][]byte{head[:len(head)-1], {','}, rest}, nil)
}

// inYAML finds the line in the words of the YAML parser: "yaml: line 12: did not find expected key".
var inYAML = regexp.MustCompile(`line (\d+): `)

// yamlFault takes the words of the YAML parser apart; line counts from 1, 0 if none is named.
func yamlFault(err error) (line int, why string) {
	why = yamlWords(err)
	m := inYAML.FindStringSubmatchIndex(why)
	if m == nil {
		return 0, why
	}
	line, convErr := strconv.Atoi(why[m[2]:m[3]])
	if convErr != nil {
		return 0, why
	}
	return line, why[:m[0]] + why[m[1]:]
}

// yamlWords is an error of the YAML parser without the names of its layers.
func yamlWords(err error) string {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	why := strings.TrimPrefix(err.Error(), "error converting YAML to JSON: ")
	return strings.TrimPrefix(why, "yaml: ")
}
