package dump

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// collector gathers the objects of a dump's files, and what could not be read of them. All but the limits
// and the logs belongs to the pipeline's adder until the end.
type collector struct {
	limits  limits
	logs    logs
	pipe    *pipeline
	builder *snapshot.Builder
	index   *index
	notes   []model.Unseen
	newest  time.Time
	seen    map[snapshot.Kind]*occurrence
	objects int
	damaged string  // where something was lost, the first place; empty if nothing was
	many    bool    // there may be more than one file; belongs to the reader, too
	file    string  // that is being added
	quiet   bool    // it need not hold objects
	faults  []fault // of that file
	more    int     // faults of it that were not kept
	twice   map[snapshot.Kind]*twice
	mixed   string // what shows that there are objects of two clusters
}

// occurrence is what a dump shows of one kind.
type occurrence struct {
	namespaces map[string]bool
	lost       string // why some of this kind are known to be missing
}

func newCollector(l limits) *collector {
	c := &collector{limits: l, builder: snapshot.NewBuilder(), seen: map[snapshot.Kind]*occurrence{}, twice: map[snapshot.Kind]*twice{}}
	c.pipe = start(c.add)
	return c
}

// maxNotes bounds what is said of one file: a log that was taken for YAML has a fault on each line.
const maxNotes = 10

// text reads the objects of a text.
func (c *collector) text(name string, w *window) {
	quiet := c.many && bystander(name)
	c.pipe.then(func() { c.file, c.quiet = name, quiet })
	(&reader{w: w, sink: c, file: name}).read()
	c.pipe.then(c.endFile)
}

// piece, list and fault make the collector the sink of readers.
func (c *collector) piece(l *list, line int, text []byte, json bool) { c.pipe.put(l, line, text, json) }

func (c *collector) list(l *list) {
	of := *l // the reader may go on writing to its own
	c.pipe.then(func() { c.addList(&of) })
}

func (c *collector) begin(l Log) *Log { return c.logs.begin(l) }

func (c *collector) line(l *Log, text []byte) { c.logs.add(l, text) }

func (c *collector) fault(f fault) { c.pipe.then(func() { c.addFault(f) }) }

// endFile writes the notes about a file, in the order of its lines.
func (c *collector) endFile() {
	if c.quiet && !slices.ContainsFunc(c.faults, func(f fault) bool { return !f.foreign }) {
		c.faults, c.more = nil, 0
	}
	slices.SortStableFunc(c.faults, func(a, b fault) int { return cmp.Compare(a.line, b.line) })
	for i, f := range c.faults {
		if !f.foreign && c.damaged == "" {
			c.damaged = place(c.file, f.line)
		}
		if i >= maxNotes {
			c.more += len(c.faults) - i
			break
		}
		c.notes = append(c.notes, model.Unseen{What: place(c.file, f.line), Why: f.why})
	}
	if c.more > 0 {
		c.notes = append(c.notes, model.Unseen{What: c.file, Why: fmt.Sprintf("%d more places could not be read", c.more)})
	}
	c.faults, c.more = nil, 0
}

// addFault keeps a fault until the end of the file. They come nearly in order.
func (c *collector) addFault(f fault) {
	if len(c.faults) < 100*maxNotes {
		c.faults = append(c.faults, f)
		return
	}
	c.more++
}

// addList notes that there was a list of a kind, also where it is empty: then there are none.
func (c *collector) addList(l *list) {
	if kind := snapshot.Kind(listed(l)); slices.Contains(snapshot.Kinds(), kind) {
		o := c.occurs(kind)
		if l.cut {
			o.lost = c.file + ": the list ends before its end, more was to be asked for"
		}
	}
}

// add adds what became of a piece.
func (c *collector) add(d decoded) {
	switch {
	case d.fault != nil:
		c.addFault(*d.fault)
		if kind := snapshot.Kind(d.kind); slices.Contains(snapshot.Kinds(), kind) {
			c.occurs(kind).lost = place(c.file, d.fault.line) + ": " + d.fault.why
		}
	case d.list != nil:
		c.addList(d.list)
	case d.index != nil:
		c.index = d.index
	default:
		c.addObject(d)
	}
}

func (c *collector) addObject(d decoded) {
	if d.latest.After(c.newest) {
		c.newest = d.latest
	}
	kind := snapshot.KindOf(d.object)
	o := c.occurs(kind)
	if had := c.builder.Get(kind, d.object.GetNamespace(), d.object.GetName()); had != nil && !c.settleTwice(d, had) {
		return
	}
	if err := c.builder.Add(d.object); err != nil {
		c.addFault(fault{line: d.line, why: err.Error()})
		o.lost = place(c.file, d.line) + ": " + err.Error()
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
	c.pipe.then(func() {
		if c.damaged == "" {
			c.damaged = file
		}
		c.notes = append(c.notes, model.Unseen{What: file, Why: why})
	})
}

func (c *collector) note(what, why string) {
	c.notes = append(c.notes, model.Unseen{What: what, Why: why})
}

func place(file string, line int) string {
	if line == 0 {
		return file
	}
	return fmt.Sprintf("%s:%d", file, line)
}

// seal makes the snapshot.
func (c *collector) seal(at time.Time) (*snapshot.Snapshot, error) {
	c.pipe.end()
	if c.objects == 0 && c.index == nil && len(c.seen) == 0 {
		if len(c.notes) > 0 {
			return nil, fmt.Errorf("%w (%s: %s)", ErrNoObjects, c.notes[0].What, c.notes[0].Why)
		}
		return nil, ErrNoObjects
	}
	c.noteTwice()
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
