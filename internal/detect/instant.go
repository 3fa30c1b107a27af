package detect

import (
	"math"
	"time"
)

// instant is a time in 8 bytes: nanoseconds since 1970; 0 is never.
type instant int64

// ahead is how far a stamp may lie ahead of the detector's clock. What is stamped further in the future
// comes from a clock that is wrong, and counts as of now.
const ahead = 2 * time.Second

// instantOf takes any time; what an instant cannot hold becomes never or the last instant.
func instantOf(t time.Time) instant {
	switch sec := t.Unix(); {
	case sec <= 0:
		return 0
	case sec >= math.MaxInt64/int64(time.Second):
		return math.MaxInt64
	default:
		return instant(t.UnixNano())
	}
}

func (i instant) time() time.Time {
	if i == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(i)).UTC()
}

// since is how long ago an earlier instant was.
func (i instant) since(earlier instant) time.Duration { return time.Duration(i - earlier) }

// add is an instant later, or the last one that there is.
func (i instant) add(d time.Duration) instant {
	if d > 0 && i > math.MaxInt64-instant(d) {
		return math.MaxInt64
	}
	return i + instant(d)
}
