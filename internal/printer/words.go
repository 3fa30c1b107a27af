package printer

import (
	"fmt"
	"strconv"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// ago says a length of time as people do.
func ago(d time.Duration) string {
	switch {
	case d < 0:
		return "in the future"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	default:
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	}
}

// clock writes the time of day, with the date where that is not now's.
func clock(t, now time.Time) string {
	t, now = t.UTC(), now.UTC()
	if !now.IsZero() && t.Format(time.DateOnly) != now.Format(time.DateOnly) {
		return t.Format(time.DateTime)
	}
	return t.Format(time.TimeOnly)
}

// moment writes a time, and how long it was before the snapshot.
func moment(t, now time.Time) string {
	if now.IsZero() {
		return t.UTC().Format(time.DateTime) + " UTC"
	}
	text := clock(t, now) + " UTC"
	if t.After(now) {
		return text
	}
	return text + ", " + ago(now.Sub(t)) + " before this look"
}

// certainty puts a confidence into words; package diagnose says what the steps mean.
func certainty(c float64) string {
	switch {
	case c >= 0.95:
		return "seen to happen"
	case c >= 0.85:
		return "proved by the objects"
	case c >= 0.6:
		return "likely"
	default:
		return "possible"
	}
}

// mark is the sign of a verdict.
func mark(v model.Verdict) (sign, color string) {
	switch v {
	case model.OK:
		return "✓", green
	case model.Broken:
		return "✗", red
	case model.Suspect:
		return "!", yellow
	default:
		return "?", yellow
	}
}

// count writes "1 request", "2 requests".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// verb writes "fails" for one and "fail" for several.
func verb(n int, plural string) string {
	if n == 1 {
		return plural + "s"
	}
	return plural
}

// be is "is" or "are".
func be(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}
