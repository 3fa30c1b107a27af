//go:build lab

package campaign_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gatemend/gatemend/lab/manifest"
)

// outage is how long the API server is away: longer than gatemend needs to see it, and than watches need to give up.
const outage = 20 * time.Second

// TestOutagesInRepairs takes the API server away at several moments of a repair, if CAMPAIGN_OUTAGES is not 0; one of them is
// in [TestPolicies].
func TestOutagesInRepairs(t *testing.T) {
	if number(t, "CAMPAIGN_OUTAGES", 0) == 0 {
		t.Skip("CAMPAIGN_OUTAGES is 0")
	}
	b := open(t)
	for _, tc := range []struct {
		name string
		run  func(*scene)
	}{
		{"crashes in a rollout", crashesInARollout},
		{"crashes once a Service is changed", away("wrong-selector", "services", "applied", crashes)},
		{"hangs while a Service is changed", away("wrong-selector", "services", "applying", hangs)},
	} {
		t.Run(tc.name, func(t *testing.T) { tc.run(b.scene(t)) })
	}
}

// crashesInARollout is the hardest: whatever the change needs in order to work goes through the API server.
func crashesInARollout(s *scene) {
	away("readiness-path", "deployments", "applied", crashes)(s)
}

// away has the API server go away as soon as a step of a fault's repair is in the journal, under load. The right change stays,
// is made once, and the repair ends well: what fails while nobody hears of it, and until all have caught up, does not speak
// against it.
func away(name, resource, step string, how func(*scene) error) func(*scene) {
	return func(s *scene) {
		w := s.Watch(s.t, s.program, s.dir, "--policy", s.policy(allAuto))
		f := s.breaks(name)
		s.awaitStep(step)
		if err := how(s); err != nil {
			s.t.Fatal(err)
		}
		back := time.Now()
		s.says(w, f.Route, "it is mended", ends("mended", ""))
		s.t.Logf("mended %s after the API server was back", time.Since(back).Round(time.Second))
		s.Await(s.t, "all clients to be served", time.Minute, func() bool { return len(failing(s.run.Report()[:len(s.targets)])) == 0 })
		w.Stop(s.t)
		if wrote := s.wrote(); len(wrote) != 1 || wrote[0].Resource != resource || wrote[0].Namespace != manifest.Namespace {
			s.t.Errorf("it changed %v", wrote)
		}
	}
}

// awaitStep returns as soon as a step of a repair is in the journal, so that what comes next is hit as it is made.
func (s *scene) awaitStep(kind string) {
	s.t.Helper()
	path, has := filepath.Join(s.dir, "journal.jsonl"), []byte(`"kind":"`+kind+`"`)
	for limit := time.Now().Add(mendsWithin); time.Now().Before(limit); time.Sleep(time.Millisecond) {
		data, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.t.Fatal(err)
		}
		if bytes.Contains(data, has) {
			return
		}
	}
	s.t.Fatalf("waited %s for the step %s of a repair", mendsWithin, kind)
}

// crashes ends the API server without a word: it does nothing more from this moment on, and is started anew in the end.
func crashes(s *scene) error {
	end := time.Now().Add(outage)
	if err := errors.Join(s.Halt("kube-apiserver"), s.StopAPIServer()); err != nil {
		return err
	}
	time.Sleep(time.Until(end))
	return s.StartAPIServer(s.t.Context())
}

// hangs lets the API server answer nobody, and then go on with all that it was asked meanwhile.
func hangs(s *scene) error {
	if err := s.Halt("kube-apiserver"); err != nil {
		return err
	}
	time.Sleep(outage)
	return s.Proceed("kube-apiserver")
}
