package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCalls(t *testing.T) {
	dir := t.TempDir()
	log := `{"stage":"ResponseComplete","verb":"list","requestURI":"/api/v1/pods?limit=1","requestReceivedTimestamp":"2026-05-01T12:00:00.000000Z","objectRef":{"resource":"pods"}}
{"stage":"ResponseStarted","verb":"watch","requestURI":"/api/v1/pods?watch=true","requestReceivedTimestamp":"2026-05-01T12:00:01.000000Z","objectRef":{"resource":"pods"}}
{"stage":"ResponseComplete","verb":"watch","requestURI":"/api/v1/pods?watch=true","requestReceivedTimestamp":"2026-05-01T12:00:01.000000Z","objectRef":{"resource":"pods"}}
{"stage":"ResponseComplete","verb":"get","requestURI":"/version","requestReceivedTimestamp":"2026-05-01T12:00:02.000000Z"}
{"stage":"ResponseComplete","verb":"get","requestURI":"/api/v1/namespaces/a/pods/b/log?tailLines=9","requestReceivedTimestamp":"2026-05-01T12:00:02.000000Z","objectRef":{"resource":"pods","subresource":"log"}}
{"stage":"ResponseComplete","verb":"li`
	if err := os.WriteFile(filepath.Join(dir, "audit.log"), []byte(log), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &plane{bench: &bench{dir: dir}}
	got, err := p.calls(time.Date(2026, 5, 1, 12, 0, 1, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]int{"watch pods": 1, "get /version": 1, "get pods/log": 1}, got); diff != "" {
		t.Error(diff)
	}
}

func TestBroken(t *testing.T) {
	good := storm{routes: 100, incidents: 90, diagnosed: 90, changes: brake, messages: 21, requests: 60, lasted: time.Minute}
	for name, tc := range map[string]struct {
		change func(*report)
		broken bool
	}{
		"all is well":                {func(*report) {}, false},
		"a lease is renewed":         {func(r *report) { r.calls = map[string]int{"update leases": 9} }, false},
		"it lists":                   {func(r *report) { r.calls = map[string]int{"list pods": 1} }, true},
		"an incident is left":        {func(r *report) { r.storm.diagnosed-- }, true},
		"there is no incident":       {func(r *report) { r.storm.incidents, r.storm.diagnosed = 0, 0 }, true},
		"nobody is told":             {func(r *report) { r.storm.messages, r.storm.requests = 0, 0 }, true},
		"everything is told":         {func(r *report) { r.storm.messages = 90 }, true},
		"it is told again and again": {func(r *report) { r.storm.requests = 90 }, true},
		"it lasted":                  {func(r *report) { r.storm.lasted, r.storm.messages, r.storm.requests = 11*time.Minute, 60, 600 }, false},
		"it mends on through storms": {func(r *report) { r.storm.changes++ }, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := good
			r := &report{storm: &s}
			tc.change(r)
			if err := r.broken(); (err != nil) != tc.broken {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestSize(t *testing.T) {
	if s := full(); s.pods() != 100_000 {
		t.Errorf("%d pods", s.pods())
	}
	if s := full().by(1_000_000); s.nodes < 1 || s.services < 1 || s.namespaces < 1 {
		t.Errorf("a small part is %+v", s)
	}
	seen := map[string]bool{}
	for i := range full().services {
		a := full().app(i)
		if seen[a.namespace+"/"+a.name] {
			t.Fatalf("%s is there twice", a.name)
		}
		seen[a.namespace+"/"+a.name] = true
	}
}
