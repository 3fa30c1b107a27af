package detect

import (
	"maps"
	"slices"

	"github.com/gatemend/gatemend/internal/model"
)

// table keeps routes in blocks, which a map of structs would move and a map of pointers would scatter.
type table struct {
	slotOf map[string]uint32
	blocks [][]route
	free   []uint32
	used   uint32 // slots that were ever used
	strays int    // routes of no object
}

// blockLength is such that the blocks fill whole pages of Go's heap; of 64 routes, a tenth of the memory would be left over.
const blockLength = 256

func newTable() table { return table{slotOf: map[string]uint32{}} }

func (t *table) len() int { return len(t.slotOf) }

// slots is how many slots there are, free ones included.
func (t *table) slots() uint32 { return t.used }

func (t *table) at(slot uint32) *route { return &t.blocks[slot/blockLength][slot%blockLength] }

func (t *table) find(key string) (slot uint32, ok bool) {
	slot, ok = t.slotOf[key]
	return slot, ok
}

func (t *table) insert(r route) uint32 {
	var slot uint32
	if n := len(t.free); n > 0 {
		slot, t.free = t.free[n-1], t.free[:n-1]
	} else {
		if slot = t.used; slot%blockLength == 0 {
			t.blocks = append(t.blocks, make([]route, blockLength))
		}
		t.used++
	}
	*t.at(slot) = r
	t.slotOf[r.key] = slot
	if r.object.IsZero() {
		t.strays++
	}
	return slot
}

// remove frees a slot. When the last route goes, so does the memory.
func (t *table) remove(slot uint32) {
	delete(t.slotOf, t.at(slot).key)
	if t.at(slot).object.IsZero() {
		t.strays--
	}
	if len(t.slotOf) == 0 {
		*t = newTable()
		return
	}
	*t.at(slot) = route{}
	t.free = append(t.free, slot)
}

// belongs notes which object a route is of.
func (t *table) belongs(slot uint32, object model.Ref) {
	r := t.at(slot)
	if r.object.IsZero() {
		t.strays--
	}
	r.object = object
}

// sorted are the slots in use, in the order of their keys.
func (t *table) sorted() []uint32 {
	keys := slices.Sorted(maps.Keys(t.slotOf))
	slots := make([]uint32, len(keys))
	for i, key := range keys {
		slots[i] = t.slotOf[key]
	}
	return slots
}
