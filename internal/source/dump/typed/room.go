package typed

import (
	"reflect"
	"strings"
)

// chunkBytes is how much memory is taken at once for many small values. The runtime rounds the size of what it allocates
// up, by an eighth and more, and has work with each allocation: when it is made and whenever garbage is looked for. What
// was decoded stays as long as the objects do, so that nothing is lost by keeping it together.
const chunkBytes = 16 << 10

// room is memory for values of one type.
type room struct {
	chunk reflect.Value // a slice; invalid before the first value
	used  int           // of the chunk
}

// list takes a slice of zero values.
func (r *room) list(t reflect.Type, n int) reflect.Value {
	if n > r.many(t)/4 {
		return reflect.MakeSlice(t, n, n)
	}
	r.need(t, n)
	r.used += n
	return r.chunk.Slice3(r.used-n, r.used, r.used)
}

// one takes a zero value and gives its address.
func (r *room) one(list reflect.Type) reflect.Value {
	r.need(list, 1)
	r.used++
	return r.chunk.Index(r.used - 1).Addr()
}

func (r *room) need(t reflect.Type, n int) {
	if !r.chunk.IsValid() || r.chunk.Len()-r.used < n {
		r.chunk, r.used = reflect.MakeSlice(t, r.many(t), r.many(t)), 0
	}
}

// many is how many values are in a chunk.
func (r *room) many(list reflect.Type) int { return max(1, chunkBytes/max(1, int(list.Elem().Size()))) }

// texts is memory for strings.
type texts struct{ chunk strings.Builder }

// keep makes a string.
func (t *texts) keep(b []byte) string {
	if t.chunk.Cap()-t.chunk.Len() < len(b) {
		t.chunk = strings.Builder{}
		t.chunk.Grow(chunkBytes)
	}
	from := t.chunk.Len()
	t.chunk.Write(b) // there is room for it, so that nothing moves
	return t.chunk.String()[from:]
}
