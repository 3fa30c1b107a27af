package typed

import (
	"encoding/json"
	"hash/maphash"
	"reflect"
	"unicode/utf8"

	kjson "sigs.k8s.io/json"
)

// How much a Decoder remembers: so many strings, and so many values of so many bytes.
const (
	manyStrings   = 1 << 13
	longestString = 256 // longer ones seldom repeat
	manyValues    = 1 << 14
	longestValue  = 8 << 10
)

// Decoder decodes objects one after another. It is not safe for use by several goroutines.
type Decoder struct {
	text
	types  map[reflect.Type]decode
	unread map[reflect.Type][]string // see Leave
	seed   maphash.Seed
	known  []string
	shared []value
	texts  texts
	// Without names a field of every object's metadata that is not kept; what it holds is given to Passed.
	Without string
	Passed  func(raw []byte)
}

// value is a value that was decoded, with its text.
type value struct {
	of    reflect.Type
	text  []byte
	value reflect.Value
}

// New makes a decoder that remembers nothing yet.
func New() *Decoder {
	return &Decoder{types: map[reflect.Type]decode{}, unread: map[reflect.Type][]string{}, seed: maphash.MakeSeed(), known: make([]string, manyStrings), shared: make([]value, manyValues)}
}

// Leave has fields of a struct that are strings left away, by their names in JSON. It is to be called before the first
// object is decoded.
func (d *Decoder) Leave(t reflect.Type, fields ...string) {
	d.unread[t] = append(d.unread[t], fields...)
}

// Decode decodes an object into an empty one of its type.
func (d *Decoder) Decode(data []byte, into any) error {
	v := reflect.ValueOf(into).Elem()
	d.text = text{data: data}
	if d.decoder(v.Type())(d, v) && d.next() == 0 {
		return nil
	}
	v.SetZero()
	return kjson.UnmarshalCaseSensitivePreserveInts(data, into)
}

// string consumes a string.
func (d *Decoder) string() (string, bool) {
	start := d.at
	inner, plain, ok := d.quoted()
	if !ok {
		return "", false
	}
	if plain {
		return d.intern(inner), true
	}
	if !utf8.Valid(inner) {
		return "", false
	}
	var s string
	err := json.Unmarshal(d.data[start:d.at], &s)
	return s, err == nil
}

// intern makes a string, the same for the same bytes as far as they are remembered.
func (d *Decoder) intern(b []byte) string {
	if len(b) == 0 || len(b) > longestString {
		return string(b)
	}
	known := &d.known[maphash.Bytes(d.seed, b)%manyStrings]
	if *known != string(b) {
		*known = d.texts.keep(b)
	}
	return *known
}

// share decodes a value that may be shared: if its text is that of one seen lately, that one is taken.
func (d *Decoder) share(v reflect.Value, decode func(size int) bool) bool {
	start := d.at
	raw, size, ok := d.value()
	switch {
	case !ok:
		return false
	case string(raw) == "null":
		return true // it is nil as it is
	}
	end := d.at
	remembered := &d.shared[maphash.Bytes(d.seed, raw)%manyValues]
	if remembered.of == v.Type() && string(remembered.text) == string(raw) {
		v.Set(remembered.value)
		return true
	}
	d.at = start
	if !decode(size) || d.at != end {
		return false
	}
	if len(raw) <= longestValue {
		// What was decoded inside of the value may have taken the same place meanwhile.
		remembered.of, remembered.text, remembered.value = v.Type(), append(remembered.text[:0], raw...), reflect.ValueOf(v.Interface())
	}
	return true
}
