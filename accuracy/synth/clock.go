package synth

import "time"

// now is when every snapshot is taken, onset when the fault came, and old when most of the shop was made.
func now() time.Time { return time.Date(2026, 6, 10, 9, 30, 0, 0, time.UTC) }

func onset() time.Time { return now().Add(-12 * time.Minute) }

func old() time.Time { return now().Add(-40 * 24 * time.Hour) }
