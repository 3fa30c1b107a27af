package dump

import (
	"fmt"
	"strconv"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/snapshot"
)

// twice are the objects of one kind that occur more than once, and are not the same each time.
type twice struct {
	again, other      int    // newer or older states of the same object; other objects of the same name
	first, firstOther string // where the first of each is
}

// The namespace whose UID identifies a cluster: every cluster has it, from its beginning to its end.
const clusterNamespace = metav1.NamespaceSystem

// settleTwice decides between an object and one of the same name that was read before. It reports
// whether the new one is taken: the newer state of the same object, else the later in the order of files.
func (c *collector) settleTwice(d decoded, had metav1.Object) bool {
	kind := snapshot.KindOf(d.object)
	at := fmt.Sprintf("%s at %s", snapshot.RefOf(d.object), place(c.file, d.line))
	t := c.twice[kind]
	if t == nil {
		t = &twice{}
		c.twice[kind] = t
	}
	if a, b := had.GetUID(), d.object.GetUID(); a != b && a != "" && b != "" {
		if t.other++; t.firstOther == "" {
			t.firstOther = at
		}
		if kind == snapshot.Namespaces && d.object.GetName() == clusterNamespace {
			c.mixed = fmt.Sprintf("namespace %s has UID %s, and UID %s at %s", clusterNamespace, a, b, place(c.file, d.line))
		}
		return !d.object.GetCreationTimestamp().Time.Before(had.GetCreationTimestamp().Time)
	}
	older, newer := age(had), age(d.object)
	if older == newer && equality.Semantic.DeepEqual(had, d.object) {
		return false
	}
	if t.again++; t.first == "" {
		t.first = at
	}
	return newer >= older
}

// age grows with each change of an object. Resource versions of one object are in order (documented since
// Kubernetes 1.35, and true of etcd's revisions before).
func age(o metav1.Object) uint64 {
	if n, err := strconv.ParseUint(o.GetResourceVersion(), 10, 64); err == nil {
		return n
	}
	return uint64(max(o.GetGeneration(), 0))
}

// noteTwice says what occurs more than once.
func (c *collector) noteTwice() {
	if c.mixed != "" {
		c.note("the dump", "it mixes objects of two clusters, of which nothing can be told apart: "+c.mixed)
	}
	for _, k := range snapshot.Kinds() {
		t := c.twice[k]
		if t == nil {
			continue
		}
		if t.again > 0 {
			c.note(string(k), fmt.Sprintf("%s in more than one state, the newest is used: %s", times(t.again), t.first))
		}
		if t.other > 0 {
			c.note(string(k), fmt.Sprintf("%s with more than one UID, as if made anew or of another cluster, the newest is used: %s", times(t.other), t.firstOther))
		}
	}
}

func times(n int) string {
	if n == 1 {
		return "one object occurs"
	}
	return fmt.Sprintf("%d objects occur", n)
}
