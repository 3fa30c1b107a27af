package typed

import (
	"encoding/json"
	"reflect"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// field is a field of a struct, or of one that is embedded in it.
type field struct {
	n      int // its place among the fields, for telling whether it occurred
	index  []int
	decode decode
}

// mostFields is how many fields a struct may have for the fast way: they are told apart by the bits of a
// word. The largest in the Kubernetes API has about fifty.
const mostFields = 64

func (d *Decoder) structure(t reflect.Type) decode {
	known := map[string]field{}
	if !d.collect(t, nil, known) || len(known) > mostFields {
		return giveUp
	}
	for _, name := range d.unread[t] {
		if f, ok := known[name]; ok {
			f.decode = passString
			known[name] = f
		}
	}
	isMeta := t == reflect.TypeFor[metav1.ObjectMeta]()
	return func(d *Decoder, v reflect.Value) bool {
		if d.next() == 'n' {
			return d.word("null")
		}
		var seen uint64
		return d.fields(func(key []byte) bool {
			f, ok := known[string(key)]
			if isMeta && d.Without != "" && string(key) == d.Without {
				raw, _, ok := d.value()
				d.Passed(raw)
				return ok
			}
			if !ok {
				raw, _, ok := d.value()
				return ok && json.Valid(raw)
			}
			if seen&(1<<f.n) != 0 {
				return false // twice: what counts then is for sigs.k8s.io/json to say
			}
			seen |= 1 << f.n
			return f.decode(d, v.FieldByIndex(f.index))
		})
	}
}

// passString passes over a string that is not kept.
func passString(d *Decoder, _ reflect.Value) bool {
	_, plain, ok := d.quoted()
	return ok && plain
}

// collect lists the fields by their names in JSON: those of embedded structs too, unless the struct has a
// field of that name itself. It reports whether it understands all of them.
func (d *Decoder) collect(t reflect.Type, above []int, known map[string]field) bool {
	var embedded []reflect.StructField
	for f := range fieldsOf(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		index := append(above[:len(above):len(above)], f.Index...)
		switch {
		case name == "-" || !f.IsExported():
		case f.Anonymous && name == "":
			embedded = append(embedded, f)
		default:
			if name == "" {
				name = f.Name
			}
			if _, twice := known[name]; twice {
				return false
			}
			known[name] = field{len(known), index, d.decoder(f.Type)}
		}
	}
	for _, f := range embedded {
		if f.Type.Kind() != reflect.Struct || !d.collect(f.Type, append(above[:len(above):len(above)], f.Index...), known) {
			return false
		}
	}
	return true
}

func fieldsOf(t reflect.Type) func(func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			if !yield(t.Field(i)) {
				return
			}
		}
	}
}
