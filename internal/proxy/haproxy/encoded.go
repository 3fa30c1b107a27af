package haproxy

import (
	"github.com/valyala/fastjson"

	"github.com/gatemend/gatemend/internal/proxy/field"
)

// object reads a line that is encoded as a JSON object into the fields. Of several variables for one field the first is
// read that is set.
func (f *Formatted) object(text []byte, fields [][]byte) bool {
	v, err := f.json.ParseBytes(text)
	if err != nil || v.Type() != fastjson.TypeObject {
		return false
	}
	f.own = f.own[:0]
	for _, m := range f.members {
		if fields[m.slot] != nil {
			continue
		}
		value := v.Get(m.name)
		switch {
		case value == nil || value.Type() == fastjson.TypeNull:
		case value.Type() == fastjson.TypeString:
			fields[m.slot] = value.GetStringBytes()
		case value.Type() == fastjson.TypeNumber:
			from := len(f.own)
			f.own = value.MarshalTo(f.own)
			fields[m.slot] = f.own[from:]
		default:
			return false // no variable prints that
		}
	}
	return fields[inStatus] != nil
}

// skimObject does so with a line that is easy to read.
func (f *Formatted) skimObject(text []byte, fields [][]byte) bool {
	return field.Take(text, fields, func(_ int, key []byte) (int, field.Form) {
		for i := range f.members {
			if f.members[i].name == string(key) {
				return f.members[i].slot, field.TextOrNumber
			}
		}
		return -1, field.Text
	})
}
