package binary

import (
	"time"
)

// heartbeatEvery is the longest silence of a long step.
const heartbeatEvery = 10 * time.Second

// quietFor is how long a step that is usually instant may take before it is
// worth a line.
const quietFor = time.Second

// heartbeat runs work and writes a line about it now, every heartbeatEvery
// while it lasts, and at its end. A step that is not announced stays silent
// when it ends within quietFor. The detail, if any, is asked for at each beat.
func (s *Store) heartbeat(title string, announce bool, detail func() string, work func() error) error {
	start := time.Now()
	if announce {
		s.logf("%s ...", title)
	}
	done := make(chan error, 1)
	go func() { done <- work() }()
	ticker := time.NewTicker(heartbeatEvery)
	defer ticker.Stop()
	for {
		select {
		case err := <-done:
			if took := time.Since(start); err == nil && (announce || took > quietFor) {
				s.logf("%s: done in %s", title, took.Round(100*time.Millisecond))
			}
			return err
		case <-ticker.C:
			line := time.Since(start).Round(time.Second).String()
			if detail != nil {
				line += ", " + detail()
			}
			s.logf("%s ... %s", title, line)
		}
	}
}
