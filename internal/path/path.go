package path

import "github.com/gatemend/gatemend/internal/snapshot"

// Routes lists every rule of a snapshot. Callers with more than one question keep a [Map].
func Routes(s *snapshot.Snapshot) []Route { return New(s).Routes() }
