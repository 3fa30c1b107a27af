package typed

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// decode decodes the value at which the text stands into v, which is zero. It reports whether it could;
// where it could not, v may hold anything.
type decode func(d *Decoder, v reflect.Value) bool

// decoder gives the decoder of a type.
func (d *Decoder) decoder(t reflect.Type) decode {
	if made, ok := d.types[t]; ok {
		return made
	}
	d.types[t] = func(d *Decoder, v reflect.Value) bool { return d.types[t](d, v) } // for types that hold themselves
	made := d.make(t)
	d.types[t] = made
	return made
}

func (d *Decoder) make(t reflect.Type) decode {
	switch {
	case t == reflect.TypeFor[metav1.Time]():
		return decodeTime
	case t.Kind() == reflect.Pointer:
		return d.pointer(t)
	case reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()):
		return decodeItself
	case reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return giveUp
	}
	switch t.Kind() {
	case reflect.Struct:
		return d.structure(t)
	case reflect.Slice:
		return d.slice(t)
	case reflect.Map:
		return d.mapping(t)
	case reflect.String:
		return decodeString
	case reflect.Bool:
		return decodeBool
	case reflect.Int, reflect.Int32, reflect.Int64:
		return decodeInt
	default:
		return giveUp
	}
}

// giveUp leaves a type to sigs.k8s.io/json.
func giveUp(*Decoder, reflect.Value) bool { return false }

func decodeString(d *Decoder, v reflect.Value) bool {
	if d.next() == 'n' {
		return d.word("null")
	}
	s, ok := d.string()
	v.SetString(s)
	return ok
}

func decodeBool(d *Decoder, v reflect.Value) bool {
	switch d.next() {
	case 't':
		v.SetBool(true)
		return d.word("true")
	case 'f':
		return d.word("false")
	default:
		return d.word("null")
	}
}

func decodeInt(d *Decoder, v reflect.Value) bool {
	raw, _, ok := d.value()
	if !ok || string(raw) == "null" {
		return ok
	}
	n, err := strconv.ParseInt(string(raw), 10, v.Type().Bits())
	if digits := string(raw[len(raw)-1:]); err != nil || raw[0] == '+' || digits < "0" || len(raw) > 1 && (raw[0] == '0' || raw[0] == '-' && raw[1] == '0') {
		return false // JSON has neither plus signs nor leading zeros
	}
	v.SetInt(n)
	return true
}

// decodeItself decodes a type that has a method for it.
func decodeItself(d *Decoder, v reflect.Value) bool {
	raw, _, ok := d.value()
	if !ok || !json.Valid(raw) {
		return false
	}
	u, ok := v.Addr().Interface().(json.Unmarshaler)
	return ok && u.UnmarshalJSON(raw) == nil
}

// decodeTime decodes a time as the method of metav1.Time does.
func decodeTime(d *Decoder, v reflect.Value) bool {
	if d.next() == 'n' {
		return d.word("null")
	}
	s, ok := d.string()
	if !ok {
		return false
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return false
	}
	t, ok := v.Addr().Interface().(*metav1.Time)
	if ok {
		t.Time = at.Local()
	}
	return ok
}

func (d *Decoder) pointer(t reflect.Type) decode {
	inner, list, space := d.decoder(t.Elem()), reflect.SliceOf(t.Elem()), &room{}
	return func(d *Decoder, v reflect.Value) bool {
		return d.share(v, func(int) bool {
			v.Set(space.one(list))
			return inner(d, v.Elem())
		})
	}
}

func (d *Decoder) slice(t reflect.Type) decode {
	if t.Elem().Kind() == reflect.Uint8 {
		return giveUp // base64
	}
	inner, space := d.decoder(t.Elem()), &room{}
	return func(d *Decoder, v reflect.Value) bool {
		return d.share(v, func(size int) bool {
			v.Set(space.list(t, size))
			if !d.take('[') {
				return false
			}
			for i := range size {
				if i > 0 && !d.take(',') || d.next() == ']' || !inner(d, v.Index(i)) {
					return false
				}
			}
			return d.take(']')
		})
	}
}

func (d *Decoder) mapping(t reflect.Type) decode {
	if t.Key().Kind() != reflect.String {
		return giveUp
	}
	if t == reflect.TypeFor[map[string]string]() {
		return decodeStrings
	}
	inner := d.decoder(t.Elem())
	return func(d *Decoder, v reflect.Value) bool {
		return d.share(v, func(size int) bool {
			v.Set(reflect.MakeMapWithSize(t, size))
			return d.fields(func(key []byte) bool {
				e := reflect.New(t.Elem()).Elem()
				if !inner(d, e) {
					return false
				}
				v.SetMapIndex(reflect.ValueOf(d.intern(key)).Convert(t.Key()), e)
				return true
			})
		})
	}
}

// decodeStrings decodes what most maps are: labels, annotations, selectors.
func decodeStrings(d *Decoder, v reflect.Value) bool {
	return d.share(v, func(size int) bool {
		m := make(map[string]string, size)
		v.Set(reflect.ValueOf(m))
		return d.fields(func(key []byte) bool {
			if d.next() == 'n' {
				m[d.intern(key)] = ""
				return d.word("null")
			}
			value, ok := d.string()
			m[d.intern(key)] = value
			return ok
		})
	})
}

// fields consumes an object, handing each key on when its value is next. A key is valid until then.
func (d *Decoder) fields(each func(key []byte) bool) bool {
	if !d.take('{') {
		return false
	}
	if d.take('}') {
		return true
	}
	for {
		key, ok := d.key()
		if !ok || !d.take(':') || !each(key) {
			return false
		}
		if d.take('}') {
			return true
		}
		if !d.take(',') {
			return false
		}
	}
}

// key consumes a key.
func (d *Decoder) key() ([]byte, bool) {
	d.next()
	start := d.at
	inner, plain, ok := d.quoted()
	if !ok || plain {
		return inner, ok
	}
	d.at = start
	s, ok := d.string()
	return []byte(s), ok
}
