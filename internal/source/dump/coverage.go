package dump

import (
	"fmt"

	"github.com/gatemend/gatemend/internal/snapshot"
)

// cover says of each kind how much the dump holds of it.
func (c *collector) cover() {
	only, one := c.onlyNamespace()
	for _, k := range snapshot.Kinds() {
		o := c.seen[k]
		switch {
		case c.index != nil:
			c.coverByIndex(k, o)
		case o == nil:
			c.builder.Cover(k, snapshot.NotRead, "", "the dump holds none")
		case k == snapshot.Other:
			c.builder.Cover(k, snapshot.Partial, "", "only the kinds that occur in the dump")
		case o.lost != "":
			c.builder.Cover(k, snapshot.Partial, "", o.lost)
		case c.mixed != "":
			c.builder.Cover(k, snapshot.Partial, "", "the dump mixes two clusters")
		case c.damaged != "":
			c.builder.Cover(k, snapshot.Partial, "", "the dump is damaged at "+c.damaged)
		case one && !o.namespaces[""]:
			c.builder.Cover(k, snapshot.Partial, only, fmt.Sprintf("the dump holds namespace %q only", only))
		default:
			c.builder.Cover(k, snapshot.Complete, "", "")
		}
	}
}

// coverByIndex trusts what gatemend wrote when it made the dump, unless something was lost since.
func (c *collector) coverByIndex(k snapshot.Kind, o *occurrence) {
	e, ok := c.index.entry(k)
	count := c.builder.Len(k)
	switch {
	case !ok:
		c.builder.Cover(k, snapshot.NotRead, "", "the dump was made without it")
	case o != nil && o.lost != "":
		c.builder.Cover(k, snapshot.Partial, "", o.lost)
	case e.coverage().Whole() && count < e.Count:
		why := fmt.Sprintf("the dump was made with %d and holds %d", e.Count, count)
		c.builder.Cover(k, snapshot.Partial, "", why)
	default:
		c.builder.Cover(k, e.coverage(), e.Namespace, e.Why)
	}
}

// onlyNamespace finds out whether all objects that have a namespace are of the same one: then
// somebody dumped that namespace, and nothing is known of others.
func (c *collector) onlyNamespace() (namespace string, one bool) {
	for _, o := range c.seen {
		for ns := range o.namespaces {
			switch {
			case ns == "":
			case namespace == "":
				namespace = ns
			case ns != namespace:
				return "", false
			}
		}
	}
	return namespace, namespace != ""
}
