package dump

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/gatemend/gatemend/internal/snapshot"
)

// decoded is what became of a piece of text.
type decoded struct {
	line   int
	object metav1.Object
	kind   string // of the object, also where it could not be decoded
	index  *index // instead of an object: the index of a dump
	fault  *fault
	nested []list // instead of an object: a list in flow style
}

// batch is how many pieces one goroutine decodes before it takes the next.
const batch = 32

// decodeAll decodes the items of a list, in order, on all cores.
func decodeAll(l list) []decoded {
	results := make([]decoded, len(l.items))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for from := 0; from < len(l.items); from += batch {
		g.Go(func() error {
			for i := from; i < min(from+batch, len(l.items)); i++ {
				results[i] = decode(l, l.items[i])
			}
			return nil
		})
	}
	_ = g.Wait() // no function returns an error: each result holds its own
	return results
}

// decode makes an object of a piece of text.
func decode(l list, p piece) decoded {
	d := decoded{line: p.line}
	data := p.text
	if !p.json {
		var err error
		if data, err = yaml.YAMLToJSON(p.text); err != nil {
			line, why := yamlFault(err)
			if line == 0 {
				line = 1 // the parser names no line: the object's first
			}
			d.fault = &fault{line: p.line + line - 1, why: why}
			return d
		}
	}
	data = bytes.TrimSpace(data)
	if len(data) == 0 || data[0] != '{' {
		d.fault = &fault{line: p.line, why: "not a Kubernetes object", foreign: true}
		return d
	}
	var head struct {
		metav1.TypeMeta
		Message string           `json:"message"`
		Items   *json.RawMessage `json:"items"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		d.fault = &fault{line: p.line, why: err.Error()}
		return d
	}
	d.kind = head.Kind
	switch {
	case head.Kind == "" && isListKind(l.kind) && l.kind != "List":
		// The items of a typed list do not repeat what they are.
		d.kind = strings.TrimSuffix(l.kind, "List")
		data = named(data, l.apiVersion, d.kind)
	case head.Kind == "" || head.APIVersion == "":
		d.fault = &fault{line: p.line, why: "not a Kubernetes object: it has no kind or no apiVersion", foreign: true}
		return d
	case head.Kind == "Status" && head.APIVersion == "v1":
		d.fault = &fault{line: p.line, why: "an error of the API server instead of objects: " + head.Message}
		return d
	case head.Kind == indexKind && head.APIVersion == indexVersion:
		d.index = &index{}
		if err := json.Unmarshal(data, d.index); err != nil {
			d.index, d.fault = nil, &fault{line: p.line, why: err.Error()}
		}
		return d
	case isListKind(head.Kind) && head.Items != nil && l.kind == "":
		d.nested, _ = splitJSON(data) // it was made by the YAML parser and is whole
		return d
	}
	o, err := snapshot.Decode(data)
	if err != nil {
		d.fault = &fault{line: p.line, why: err.Error()}
		return d
	}
	if o.GetName() == "" {
		d.fault = &fault{line: p.line, why: fmt.Sprintf("a %s without a name", d.kind)}
		return d
	}
	d.object = o
	return d
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
