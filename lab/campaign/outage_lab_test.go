//go:build lab

package campaign_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/gatemend/gatemend/lab/labtest"
	"github.com/gatemend/gatemend/lab/manifest"
)

// outage is how long the API server is away: longer than gatemend needs to see it, and than watches need to give up.
const outage = 20 * time.Second

// TestOutagesInRepairs takes the API server, or gatemend, away at several moments of a repair, if CAMPAIGN_OUTAGES is not 0; one
// of each is in [TestPolicies].
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
		{"killed as a change is announced", killed("applying")}, {"killed while it is verified", killed("waited")},
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

// twoFaults breaks a Service in two ways. Neither repair alone would help, so that both are made, one after the other.
func twoFaults(s *scene) {
	svc := manifest.Service(manifest.Web)
	svc.Spec.Selector = map[string]string{"app": "website"}
	svc.Spec.Ports[0].TargetPort = intstr.FromInt32(9090)
	w := s.Watch(s.t, s.program, s.dir, "--policy", s.policy(allAuto))
	if err := s.Client.Replace(s.t.Context(), svc); err != nil {
		s.t.Fatal(err)
	}
	s.says(w, manifest.Host(manifest.Web), "both are mended", ends("mended", ""))
	w.Stop(s.t)
	s.serves(manifest.Host(manifest.Web), true)
	services := 0
	for _, wrote := range s.wrote() {
		if wrote.Resource == "services" && wrote.Namespace == manifest.Namespace {
			services++
		}
	}
	if wrote := s.wrote(); services != 2 || len(wrote) != 2 {
		s.t.Errorf("it changed %v", wrote)
	}
}

// killed kills a repair by hand as soon as a step of it is in its journal. The same command then finishes it: nothing is made
// twice.
func killed(step string) func(*scene) {
	return func(s *scene) {
		f := s.breaks("readiness-path")
		s.serves(f.Route, false)
		args := []string{"fix", "ingress/" + manifest.API, "-n", manifest.Namespace, "--yes", "--as", labtest.User, "--journal", filepath.Join(s.dir, "journal.jsonl")}
		cmd, err := s.Command(context.WithoutCancel(s.t.Context()), append([]string{s.program}, args...)...)
		if err != nil {
			s.t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			s.t.Fatal(err)
		}
		s.awaitStep(step)
		if err := cmd.Process.Kill(); err != nil {
			s.t.Fatal(err)
		}
		_ = cmd.Wait() // it was killed
		out, exit := s.gatemend(args...)
		if wrote := s.wrote(); exit != 0 || len(wrote) != 1 || wrote[0].Resource != "deployments" {
			s.t.Errorf("exit %d, it changed %v\n%s", exit, wrote, out)
		}
		s.serves(f.Route, true)
	}
}
