package owner

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/gatemend/gatemend/internal/model"
)

// File is a file of an owner's source.
type File struct {
	Path string
	Text []byte
}

// ErrNotInSource says that a change cannot be put into a source: nothing there is the object's manifest, or it
// is not as the cluster is.
var ErrNotInSource = errors.New("the source cannot be changed")

// sourceError is an [ErrNotInSource] with its reason.
type sourceError struct{ because string }

func (e *sourceError) Error() string        { return e.because }
func (e *sourceError) Is(target error) bool { return target == ErrNotInSource }

func notInSource(format string, args ...any) error {
	return &sourceError{because: fmt.Sprintf(format, args...)}
}

// EditSource makes a change in the files of a source: in the one manifest of the object, or, where the owner is
// Helm, in the one values file that sets the field. live is the object in the cluster, as JSON. What stays the
// same of a file stays as it was written, comments included.
func EditSource(files []File, o model.Owner, live []byte, c model.Change) (File, error) {
	var object any
	if err := json.Unmarshal(live, &object); err != nil {
		return File{}, fmt.Errorf("read %s: %w", c.Target, err)
	}
	var edited []File
	var already, other []string
	for _, f := range files {
		text, err := editFile(f, o, object, c)
		switch {
		case errors.Is(err, errAlready):
			already = append(already, f.Path)
		case errors.Is(err, ErrNotInSource):
			other = append(other, f.Path+": "+err.Error())
		case err == nil && text != nil:
			edited = append(edited, File{Path: f.Path, Text: text})
		}
	}
	if named := slices.DeleteFunc(slices.Clone(edited), func(f File) bool { return o.Source == "" || !strings.HasSuffix(f.Path, o.Source) }); len(named) == 1 {
		edited = named // the object itself says which file it is from
	}
	switch {
	case len(edited) == 1:
		return edited[0], nil
	case len(edited) > 1:
		names := make([]string, len(edited))
		for i, f := range edited {
			names[i] = f.Path
		}
		return File{}, notInSource("%s is in %s: a person must choose", c.Target, strings.Join(names, ", "))
	case len(already) > 0:
		return File{}, notInSource("%s says so already: its owner only has to apply it", strings.Join(already, ", "))
	case len(other) > 0:
		return File{}, notInSource("%s", strings.Join(other, "; "))
	default:
		return File{}, notInSource("no manifest of %s was found; templates of charts are not changed", c.Target)
	}
}

// errAlready says that a manifest is as it should be.
var errAlready = errors.New("it is so already")

// editFile gives the file's text with the change made, nil if the file has nothing to do with it.
func editFile(f File, o model.Owner, object any, c model.Change) ([]byte, error) {
	isValues := o.Tool == model.ToolHelm && strings.HasPrefix(f.Path[strings.LastIndex(f.Path, "/")+1:], "values")
	e := editing{text: f.Text, whole: true, docs: documents(f.Text)}
	for _, doc := range e.docs {
		var err error
		root := doc.Content[0]
		switch {
		case isValues:
			err = e.values(root, c)
		case manifestOf(root, c.Target):
			err = e.manifest(root, object, c)
		}
		if err != nil {
			return nil, err
		}
	}
	return e.result()
}

// documents reads the YAML documents of a file. A file that is no YAML as it stands, a template for one, has none.
func documents(text []byte) []*yaml.Node {
	var out []*yaml.Node
	for d := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var doc yaml.Node
		err := d.Decode(&doc)
		switch {
		case errors.Is(err, io.EOF):
			return out
		case err != nil, doc.Kind != yaml.DocumentNode, len(doc.Content) == 0:
			return nil
		}
		out = append(out, &doc)
	}
}

// manifestOf reports whether a document is the object's. Its version may be another one, and many manifests leave
// the namespace to whoever applies them.
func manifestOf(root *yaml.Node, ref model.Ref) bool {
	var m struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string `yaml:"kind"`
		Metadata   struct {
			Name      string `yaml:"name"`
			Namespace string `yaml:"namespace"`
		} `yaml:"metadata"`
	}
	group := func(apiVersion string) string {
		g, _, grouped := strings.Cut(apiVersion, "/")
		if !grouped {
			return ""
		}
		return g
	}
	return root.Decode(&m) == nil && m.Kind == ref.Kind && m.Metadata.Name == ref.Name && group(m.APIVersion) == group(ref.APIVersion) &&
		(m.Metadata.Namespace == "" || m.Metadata.Namespace == ref.Namespace)
}

// editing is a file on its way to its new text.
type editing struct {
	text    []byte
	docs    []*yaml.Node
	splices []splice
	whole   bool // every change is a splice, so that nothing else of the text is touched
	changed bool
	same    bool // a field was as it should be
}

// manifest makes a change in the object's manifest.
func (e *editing) manifest(root *yaml.Node, object any, c model.Change) error {
	for _, f := range c.Fields {
		if err := e.set(root, object, model.PointerSteps(f.Path), f); err != nil {
			return err
		}
	}
	return nil
}

// values makes a change in a values file, if that sets all the fields.
func (e *editing) values(root *yaml.Node, c model.Change) error {
	for _, f := range c.Fields {
		steps := model.PointerSteps(f.Path)
		name, rest := valueFor(c.Target.Kind, steps)
		if name == nil || name[0] == "image" {
			return nil
		}
		path := append(slices.Clone(name), rest...)
		if n := descend(root, nil, path); n == nil {
			return nil
		}
		if err := e.set(root, nil, path, f); err != nil {
			return err
		}
	}
	return nil
}

// set gives one field of a document its new value. The value that is there must be the one that the cluster
// has: otherwise the two have parted, and which of them is right a person must say.
func (e *editing) set(root *yaml.Node, object any, steps []string, f model.FieldChange) error {
	n := descend(root, object, steps)
	switch {
	case n != nil && f.New != nil && equal(n, f.New), n == nil && f.New == nil:
		e.same = true
		return nil
	case n != nil && f.Old != nil && !equal(n, f.Old), n != nil && f.Old == nil:
		return notInSource("line %d does not have the value that the cluster has, %s", n.Line, f.Old)
	}
	if n != nil && n.Anchor != "" {
		return notInSource("line %d has the value for other places, too, by anchor %s", n.Line, n.Anchor)
	}
	e.changed = true
	if n != nil && f.New != nil && n.Kind == yaml.ScalarNode {
		return e.scalar(n, f.New)
	}
	e.whole = false
	return replaceBelow(root, object, steps, f.New)
}

// scalar replaces a scalar, in the text too.
func (e *editing) scalar(n *yaml.Node, value json.RawMessage) error {
	var next yaml.Node
	if err := yaml.Unmarshal(value, &next); err != nil || len(next.Content) != 1 {
		return notInSource("the value %s cannot be written", value)
	}
	v := next.Content[0]
	if v.Kind != yaml.ScalarNode {
		e.whole = false
	}
	v.Style &^= yaml.DoubleQuotedStyle // JSON's quotes are not the file's; the encoder quotes what needs it
	if n.Tag == "!!str" && v.Tag == "!!str" {
		v.Style = n.Style
	}
	s, ok := spliceOf(e.text, n, v)
	e.whole = e.whole && ok
	e.splices = append(e.splices, s)
	v.LineComment, v.HeadComment, v.FootComment = n.LineComment, n.HeadComment, n.FootComment
	*n = *v
	return nil
}

// result is the new text. Where only scalars change it is the old one with these exchanged; else the documents are
// written anew, with their comments.
func (e *editing) result() ([]byte, error) {
	if !e.changed {
		if e.same {
			return nil, errAlready
		}
		return nil, nil
	}
	if e.whole {
		if text := spliced(e.text, e.splices); sameDocuments(text, e.docs) {
			return text, nil
		}
	}
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	for _, d := range e.docs {
		if err := enc.Encode(d); err != nil {
			return nil, fmt.Errorf("write YAML: %w", err)
		}
	}
	if err := enc.Close(); err != nil {
		return nil, fmt.Errorf("write YAML: %w", err)
	}
	return b.Bytes(), nil
}

// sameDocuments reports whether a text has the content of some documents.
func sameDocuments(text []byte, docs []*yaml.Node) bool {
	d := yaml.NewDecoder(bytes.NewReader(text))
	for _, doc := range docs {
		var got, want any
		if d.Decode(&got) != nil || doc.Decode(&want) != nil || !reflect.DeepEqual(got, want) {
			return false
		}
	}
	return true
}
