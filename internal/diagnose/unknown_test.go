package diagnose

import (
	"slices"
	"testing"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// TestMissingKinds: a dump that holds none of what routes lead over says nothing of them, even where all
// requests were seen to succeed.
func TestMissingKinds(t *testing.T) {
	for _, kind := range []snapshot.Kind{snapshot.Services, snapshot.EndpointSlices, snapshot.Pods} {
		b := snapshot.NewBuilder()
		for _, k := range snapshot.Kinds() {
			if k != kind {
				b.Cover(k, snapshot.Complete, "", "")
			}
		}
		for _, data := range base(t) {
			if headOf(t, data).Kind == string(kind) {
				continue
			}
			o, err := snapshot.Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			if err := b.Add(o); err != nil {
				t.Fatal(err)
			}
		}
		d := Diagnose(Input{Snapshot: b.Seal(now), Signals: signals(t, []byte(`- {ago: 120, times: 600, status: 200}`))})
		if d.Healthy || !slices.ContainsFunc(d.Unknown, func(u model.Unseen) bool { return u.What == string(kind)+"s" }) {
			t.Errorf("without %ss: healthy %v, unknown %v", kind, d.Healthy, d.Unknown)
		}
		if len(d.Causes) > 0 {
			t.Errorf("without %ss: %s is called a cause", kind, d.Causes[0].ID)
		}
	}
}
