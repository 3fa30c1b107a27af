package app

import (
	"net/netip"
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/snapshot"
)

// Agents are told apart by where they connect from.
func TestMayReport(t *testing.T) {
	b := snapshot.NewBuilder()
	for _, k := range snapshot.Kinds() {
		b.Cover(k, snapshot.Complete, "", "")
	}
	for _, text := range []string{
		`{"apiVersion":"v1","kind":"Node","metadata":{"name":"n1"},"status":{"addresses":[{"type":"InternalIP","address":"192.0.2.1"}]}}`,
		`{"apiVersion":"v1","kind":"Node","metadata":{"name":"n2"},"status":{"addresses":[{"type":"InternalIP","address":"192.0.2.2"}]}}`,
		`{"apiVersion":"v1","kind":"Pod","metadata":{"namespace":"gatemend","name":"agent-1"},"spec":{"nodeName":"n1"},"status":{"phase":"Running","podIP":"10.1.1.5","podIPs":[{"ip":"10.1.1.5"}]}}`,
		`{"apiVersion":"v1","kind":"Pod","metadata":{"namespace":"gatemend","name":"agent-2"},"spec":{"nodeName":"n2"},"status":{"phase":"Running","podIP":"10.1.2.5","podIPs":[{"ip":"10.1.2.5"}]}}`,
	} {
		o, err := snapshot.Decode([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Add(o); err != nil {
			t.Fatal(err)
		}
	}
	s := b.Seal(time.Unix(1_800_000_000, 0))
	for _, c := range []struct {
		from, node string
		may        bool
	}{
		{"10.1.1.5", "n1", true},
		{"192.0.2.1", "n1", true}, // behind its node's address
		{"10.1.1.5", "n2", false},
		{"10.1.2.5", "n1", false},
		{"192.0.2.2", "n1", false},
		{"203.0.113.9", "n1", false},
		{"10.1.1.5", "n3", false},
		{"10.1.1.5", "", false},
	} {
		if err := mayReport(s, netip.MustParseAddr(c.from), c.node); (err == nil) != c.may {
			t.Errorf("from %s for %q: %v", c.from, c.node, err)
		}
	}
	if mayReport(s, netip.Addr{}, "n1") == nil {
		t.Error("who has no address may speak")
	}
}
