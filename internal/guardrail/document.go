package guardrail

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	kjson "sigs.k8s.io/json"

	"github.com/gatemend/gatemend/api/v1alpha1"
)

// Problem is something wrong in a policy file, and where.
type Problem struct {
	File  string
	Line  int    // 0: not known
	Field string // empty: the file as a whole
	What  string
}

func (p *Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	b.WriteString(": ")
	if p.Field != "" {
		b.WriteString(p.Field + ": ")
	}
	b.WriteString(p.What)
	return b.String()
}

// Bounds of a policy file. Policies are written by hand; what is larger is something else.
const (
	maxBytes = 1 << 20
	maxNodes = 20_000
	// maxSearch is how many nodes are tried one by one to find the one that cannot be read.
	maxSearch = 2000
)

// document is one policy of a file, with its lines.
type document struct {
	file   string
	root   *yaml.Node
	policy v1alpha1.RemediationPolicy
}

// documents reads the policies of a file. YAML anchors are taken out first, so that a file cannot grow.
func documents(file string, data []byte) ([]document, error) {
	if len(data) > maxBytes {
		return nil, &Problem{File: file, What: fmt.Sprintf("larger than %d bytes: this is no policy", maxBytes)}
	}
	var docs []document
	var problems []error
	for d := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var root yaml.Node
		err := d.Decode(&root)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			problems = append(problems, unreadable(file, err))
			break // after a broken document the decoder does not find the next one
		}
		if root.Kind != yaml.DocumentNode || len(root.Content) == 0 || root.Content[0].Tag == "!!null" {
			continue
		}
		doc := document{file: file, root: root.Content[0]}
		if errs := doc.read(); len(errs) > 0 {
			problems = append(problems, errs...)
			continue
		}
		docs = append(docs, doc)
	}
	if len(docs) == 0 && len(problems) == 0 {
		problems = append(problems, &Problem{File: file, What: "no policy in it"})
	}
	return docs, errors.Join(problems...)
}

// unreadable takes the line out of the text of a YAML error, which has it in front.
func unreadable(file string, err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if m := regexp.MustCompile(`^line (\d+): `).FindStringSubmatch(text); m != nil {
		line, _ := strconv.Atoi(m[1]) // the pattern has digits only; a number too large is no line
		return &Problem{File: file, Line: line, What: text[len(m[0]):]}
	}
	return &Problem{File: file, What: text}
}

func (d *document) problem(field, what string) *Problem {
	return &Problem{File: d.file, Line: d.line(field), Field: field, What: what}
}

// read decodes the document strictly.
func (d *document) read() []error {
	nodes := 0
	if p := d.plain(d.root, &nodes); p != nil {
		return []error{p}
	}
	strict, err := d.decode(&d.policy)
	if err != nil {
		return []error{d.culprit(err)}
	}
	var out []error
	for _, s := range strict {
		out = append(out, d.strict(s))
	}
	switch {
	case len(out) > 0:
	case d.policy.APIVersion != v1alpha1.APIVersion:
		out = append(out, d.problem("apiVersion", fmt.Sprintf("%q; it must be %s", d.policy.APIVersion, v1alpha1.APIVersion)))
	case d.policy.Kind != v1alpha1.KindRemediationPolicy:
		out = append(out, d.problem("kind", fmt.Sprintf("%q; it must be %s", d.policy.Kind, v1alpha1.KindRemediationPolicy)))
	case d.policy.Name == "":
		out = append(out, d.problem("metadata", "name is missing: refusals name the policy by it"))
	}
	return out
}

// plain refuses what a small file can be a large document with, and fields that are there twice.
func (d *document) plain(n *yaml.Node, nodes *int) *Problem {
	if *nodes++; *nodes > maxNodes {
		return &Problem{File: d.file, Line: n.Line, What: fmt.Sprintf("more than %d values: this is no policy", maxNodes)}
	}
	if n.Kind == yaml.AliasNode {
		return &Problem{File: d.file, Line: n.Line, What: "aliases are not supported; write the value out"}
	}
	seen := map[string]bool{}
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			if seen[c.Value] {
				return &Problem{File: d.file, Line: c.Line, Field: c.Value, What: "it is there twice"}
			}
			seen[c.Value] = true
		}
		if p := d.plain(c, nodes); p != nil {
			return p
		}
	}
	return nil
}

// decode goes through JSON, since the types say their names there. Other than in YAML 1.1, a bare off is a
// text, as a mode of that name needs it.
func (d *document) decode(into any) (strict []error, err error) {
	var v any
	if err := d.root.Decode(&v); err != nil {
		return nil, err
	}
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return kjson.UnmarshalStrict(data, into)
}

// strict finds the line of an error that names a field in quotes, as those of strict decoding do.
func (d *document) strict(err error) error {
	what, quoted, ok := strings.Cut(err.Error(), ` "`)
	if !ok {
		return d.problem("", err.Error())
	}
	return d.problem(strings.TrimSuffix(quoted, `"`), what)
}

// culprit finds the value that cannot be read, by leaving out one after the other, the innermost first: the
// errors of types that read themselves, such as a duration, do not say where they are.
func (d *document) culprit(err error) error {
	found, tried := (*Problem)(nil), 0
	var walk func(n *yaml.Node, path string)
	walk = func(n *yaml.Node, path string) {
		for i, c := range n.Content {
			at := path
			switch {
			case n.Kind == yaml.MappingNode && i%2 == 0:
				continue
			case n.Kind == yaml.MappingNode:
				at = strings.TrimPrefix(path+"."+n.Content[i-1].Value, ".")
			case n.Kind == yaml.SequenceNode:
				at = fmt.Sprintf("%s[%d]", path, i)
			}
			walk(c, at)
			if tried++; found != nil || tried > maxSearch {
				return
			}
			n.Content[i] = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}
			var without v1alpha1.RemediationPolicy
			if _, other := d.decode(&without); other == nil || other.Error() != err.Error() {
				found = &Problem{File: d.file, Line: c.Line, Field: at, What: reading(err)}
			}
			n.Content[i] = c
		}
	}
	walk(d.root, "")
	if found == nil {
		return &Problem{File: d.file, Line: d.root.Line, What: reading(err)}
	}
	return found
}

// reading words a decoder's error for people who write YAML, not Go.
func reading(err error) string {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Sprintf("a %s where %s is expected", wrong.Value, kindOf(wrong.Type.Kind().String()))
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

func kindOf(goKind string) string {
	switch {
	case goKind == "slice":
		return "a list"
	case goKind == "struct" || goKind == "map":
		return "an object"
	case goKind == "string":
		return "a text"
	case strings.HasPrefix(goKind, "int") || strings.HasPrefix(goKind, "float"):
		return "a number"
	default:
		return "a " + goKind
	}
}

// line finds the line of a field such as spec.rules[0].mode, or of the nearest one around it.
func (d *document) line(field string) int {
	n, line := d.root, d.root.Line
	for _, step := range regexp.MustCompile(`[^.\[\]]+`).FindAllString(field, -1) {
		child, at := below(n, step)
		if child == nil {
			break
		}
		n, line = child, at
	}
	return line
}

// below goes one step down, and gives the line on which that begins.
func below(n *yaml.Node, step string) (child *yaml.Node, line int) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == step {
				return n.Content[i+1], n.Content[i].Line
			}
		}
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(n.Content) {
			return n.Content[i], n.Content[i].Line
		}
	default: // a value has nothing below it
	}
	return nil, 0
}
