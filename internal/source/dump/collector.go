package dump

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// collector gathers the objects of a dump's files, and what could not be read of them.
type collector struct {
	limits  limits
	builder *snapshot.Builder
	index   *index
	notes   []model.Unseen
	newest  time.Time
	seen    map[snapshot.Kind]*occurrence
	objects int
	damaged string // where something was lost, the first place; empty if nothing was
}

// occurrence is what a dump shows of one kind.
type occurrence struct {
	namespaces map[string]bool
	lost       string // why some of this kind are known to be missing
}

func newCollector(l limits) *collector {
	return &collector{limits: l, builder: snapshot.NewBuilder(), seen: map[snapshot.Kind]*occurrence{}}
}

// maxNotes bounds what is said of one file: a log that was taken for YAML has a fault on each line.
const maxNotes = 10

// text reads the objects of a text.
func (c *collector) text(file string, data []byte) {
	lists, faults := split(data)
	before := len(c.notes)
	for _, l := range lists {
		c.list(file, l, &faults)
	}
	slices.SortStableFunc(faults, func(a, b fault) int { return cmp.Compare(a.line, b.line) })
	for i, f := range faults {
		if !f.foreign && c.damaged == "" {
			c.damaged = place(file, f.line)
		}
		if len(c.notes)-before >= maxNotes {
			c.notes = append(c.notes, model.Unseen{What: file, Why: fmt.Sprintf("%d more places could not be read", len(faults)-i)})
			return
		}
		c.notes = append(c.notes, model.Unseen{What: place(file, f.line), Why: f.why})
	}
}

// list adds the objects of a list.
func (c *collector) list(file string, l list, faults *[]fault) {
	if kind := snapshot.Kind(strings.TrimSuffix(l.kind, "List")); isListKind(l.kind) && slices.Contains(snapshot.Kinds(), kind) {
		o := c.occurs(kind) // also where it is empty: then there are none
		if l.cut {
			o.lost = file + ": the list ends before its end, more was to be asked for"
		}
	}
	for _, d := range decodeAll(l) {
		switch {
		case d.fault != nil:
			*faults = append(*faults, *d.fault)
			if kind := snapshot.Kind(d.kind); slices.Contains(snapshot.Kinds(), kind) {
				c.occurs(kind).lost = place(file, d.fault.line) + ": " + d.fault.why
			}
		case d.index != nil:
			c.index = d.index
		case d.nested != nil:
			for _, n := range d.nested {
				for i := range n.items {
					n.items[i].line = d.line // its own lines are those of the JSON form
				}
				c.list(file, n, faults)
			}
		default:
			c.add(file, d, faults)
		}
	}
}

func (c *collector) add(file string, d decoded, faults *[]fault) {
	if t := latest(d.object); t.After(c.newest) {
		c.newest = t
	}
	o := c.occurs(snapshot.KindOf(d.object))
	if err := c.builder.Add(d.object); err != nil {
		*faults = append(*faults, fault{line: d.line, why: err.Error()})
		o.lost = place(file, d.line) + ": " + err.Error()
		return
	}
	o.namespaces[d.object.GetNamespace()] = true
	c.objects++
}

func (c *collector) occurs(k snapshot.Kind) *occurrence {
	if c.seen[k] == nil {
		c.seen[k] = &occurrence{namespaces: map[string]bool{}}
	}
	return c.seen[k]
}

// damage notes that a file was lost, or a part of it.
func (c *collector) damage(file, why string) {
	if c.damaged == "" {
		c.damaged = file
	}
	c.notes = append(c.notes, model.Unseen{What: file, Why: why})
}

func place(file string, line int) string {
	if line == 0 {
		return file
	}
	return fmt.Sprintf("%s:%d", file, line)
}

// seal makes the snapshot.
func (c *collector) seal(at time.Time) (*snapshot.Snapshot, error) {
	if c.objects == 0 && c.index == nil && len(c.seen) == 0 {
		if len(c.notes) > 0 {
			return nil, fmt.Errorf("%w (%s: %s)", ErrNoObjects, c.notes[0].What, c.notes[0].Why)
		}
		return nil, ErrNoObjects
	}
	for _, n := range c.notes {
		c.builder.Note(n.What, n.Why)
	}
	if c.index != nil {
		for _, n := range c.index.Notes {
			c.builder.Note(n.What, n.Why)
		}
	}
	c.cover()
	switch {
	case c.index != nil && !c.index.At.IsZero():
		at = c.index.At
	case !c.newest.IsZero():
		at = c.newest
	}
	return c.builder.Seal(at.UTC()), nil
}
