package fault

import (
	"github.com/gatemend/gatemend/lab/manifest"
)

// stops is [terminationRace], as a race: the first bad revision is the preparation.
func stops() Race {
	return Race{
		Name: "termination-race", Title: "a rolling update of pods that stop at once, without preStop",
		Role: manifest.API, Route: manifest.Host(manifest.API), Gateway: "haproxy", WantObject: "Deployment shop/api",
		Prepare: prepared(manifest.API, stopsAtOnce), Run: again(manifest.API, stopsAtOnce), After: nothing,
	}
}
