package field

import (
	"bytes"
	"strings"
	"time"
)

// Layout reads times that were written by a form of strftime, with Envoy's and Abseil's additions to it
// (envoyproxy/envoy, source/common/common/utility.cc, "DateFormatter"; abseil-cpp, absl/time/time.h, "FormatTime").
type Layout struct{ steps []step }

// step is a directive, by its letter, or a byte that is written as it is.
type step struct {
	directive byte // 0: literal
	literal   byte
	digits    int // of a fraction; 0: as many as there are
}

// The directives that have no letter of their own.
const (
	dotted = 1 // seconds with a fraction, %E3S
	colons = 2 // a zone with a colon, %Ez
)

// NewLayout compiles a form. It reports false for one that does not tell the whole day, or of which it does not know a part.
func NewLayout(form string) (*Layout, bool) {
	l := &Layout{}
	var told [256]bool
	for len(form) > 0 {
		if long := abbreviated(form); long != "" {
			form = long + form[2:]
		}
		s, rest, ok := readStep(form)
		if !ok {
			return nil, false
		}
		told[s.directive] = true
		l.steps, form = append(l.steps, s), rest
	}
	year, month, day := told['Y'] || told['y'], told['m'] || told['b'] || told['B'], told['d'] || told['e']
	return l, told['s'] || year && month && day
}

// abbreviated returns the directives for which the first one stands, if it does.
func abbreviated(form string) string {
	switch form[:min(2, len(form))] {
	case "%c":
		return "%a %b %e %H:%M:%S %Y"
	case "%D":
		return "%m/%d/%y"
	case "%F":
		return "%Y-%m-%d"
	case "%R":
		return "%H:%M"
	case "%T":
		return "%H:%M:%S"
	default:
		return ""
	}
}

// readStep reads a directive or a byte.
func readStep(form string) (s step, rest string, ok bool) {
	if form[0] != '%' {
		return step{literal: form[0]}, form[1:], true
	}
	if len(form) == 1 {
		return s, "", false
	}
	rest = form[2:]
	switch c := form[1]; c {
	case 'Y', 'y', 'm', 'd', 'e', 'H', 'I', 'M', 'S', 's', 'z', 'Z', 'p', 'a', 'A', 'b', 'B':
		return step{directive: c}, rest, true
	case 'h':
		return step{directive: 'b'}, rest, true
	case 'f':
		return step{directive: 'f', digits: 9}, rest, true
	case '%':
		return step{literal: '%'}, rest, true
	case 't':
		return step{literal: '\t'}, rest, true
	case 'E':
		return readExtended(rest)
	default:
		return step{directive: 'f', digits: int(c - '0')}, strings.TrimPrefix(rest, "f"), c >= '1' && c <= '9' && strings.HasPrefix(rest, "f")
	}
}

// readExtended reads what follows %E: z, T, and S or f behind a number of digits or a star.
func readExtended(form string) (s step, rest string, ok bool) {
	if form == "" {
		return s, "", false
	}
	rest = form[1:]
	c := form[0]
	switch {
	case c == 'z':
		return step{directive: colons}, rest, true
	case c == 'T':
		return step{literal: 'T'}, rest, true
	case c >= '1' && c <= '9':
		s.digits = int(c - '0')
	case c != '*':
		return s, "", false
	}
	switch {
	case strings.HasPrefix(rest, "S"):
		s.directive = dotted
	case strings.HasPrefix(rest, "f"):
		s.directive = 'f'
	default:
		return s, "", false
	}
	return s, rest[1:], true
}

// instant is what was read of a time.
type instant struct {
	year, month, day, hour, minute, second, nanos, offset int
	half                                                  byte // of the day: A or P; 0 with 24 hours
	epoch                                                 int64
	sinceEpoch                                            bool
}

// Read reads a time. One without a zone is taken as UTC, as by [Slashed].
func (l *Layout) Read(b []byte) (time.Time, bool) {
	var t instant
	for i, s := range l.steps {
		n := 0
		switch {
		case len(b) == 0:
			return time.Time{}, false
		case s.directive != 0:
			n = t.read(s, b, l.digitsAfter(i))
		case b[0] == s.literal:
			n = 1
		}
		if n <= 0 {
			return time.Time{}, false
		}
		b = b[n:]
	}
	if len(b) > 0 {
		return time.Time{}, false
	}
	return t.time()
}

// digitsAfter is how many digits of a fraction follow a step with nothing between.
func (l *Layout) digitsAfter(i int) int {
	if i+1 < len(l.steps) && l.steps[i+1].directive == 'f' {
		return l.steps[i+1].digits
	}
	return 0
}

// read reads one directive and returns how many bytes it takes; 0 if it is not there.
func (t *instant) read(s step, b []byte, following int) (n int) {
	switch s.directive {
	case 'Y':
		return number(b, 4, &t.year)
	case 'y':
		n = number(b, 2, &t.year)
		t.year += 2000
	case 'm':
		return number(b, 2, &t.month)
	case 'b', 'B':
		return t.readMonth(b)
	case 'd', 'e':
		if b[0] == ' ' {
			return 1 + number(b[1:], 1, &t.day)
		}
		return number(b, 2, &t.day)
	case 'H', 'I':
		return number(b, 2, &t.hour)
	case 'M':
		return number(b, 2, &t.minute)
	case 'S':
		return number(b, 2, &t.second)
	case dotted:
		if n = number(b, 2, &t.second); n > 0 && len(b) > n && b[n] == '.' {
			n += 1 + t.readFraction(b[n+1:], s.digits)
		}
	case 'f':
		return t.readFraction(b, s.digits)
	case 's':
		n = max(digits(b)-following, 0)
		t.epoch, t.sinceEpoch = 0, true
		for _, c := range b[:n] {
			t.epoch = t.epoch*10 + int64(c-'0')
		}
	case 'z', colons:
		return t.readZone(b, s.directive == colons)
	case 'p':
		t.half = b[0]
		return min(2, len(b))
	default: // names of days and zones
		for n < len(b) && isLetter(b[n]) {
			n++
		}
	}
	return n
}

// readMonth reads a month's name, whole or its first three letters.
func (t *instant) readMonth(b []byte) (n int) {
	if len(b) < 3 {
		return 0
	}
	month, ok := monthOf(b[:3])
	if !ok {
		return 0
	}
	t.month = int(month)
	if name := month.String(); bytes.HasPrefix(b, []byte(name)) {
		return len(name)
	}
	return 3
}

// readFraction reads decimals; 0 stands for as many as there are.
func (t *instant) readFraction(b []byte, width int) (n int) {
	n = min(digits(b), 9)
	if width > 0 {
		n = min(n, width)
	}
	t.nanos = 0
	for i := range 9 {
		t.nanos *= 10
		if i < n {
			t.nanos += int(b[i] - '0')
		}
	}
	return n
}

func (t *instant) readZone(b []byte, colon bool) (n int) {
	hours, minutes := 1, 3
	if colon {
		minutes++
	}
	if len(b) < minutes+2 {
		return 0
	}
	var ok bool
	if t.offset, ok = zone(b[0], b[hours:hours+2], b[minutes:minutes+2]); !ok {
		return 0
	}
	return minutes + 2
}

// time puts together what was read.
func (t *instant) time() (time.Time, bool) {
	if t.sinceEpoch {
		return time.Unix(t.epoch, int64(t.nanos)).UTC(), t.epoch < 1<<33
	}
	switch t.half {
	case 'A':
		t.hour %= 12
	case 'P':
		t.hour = t.hour%12 + 12
	}
	ok := t.month >= 1 && t.month <= 12 && t.day >= 1 && t.day <= 31 && t.hour <= 23 && t.minute <= 59 && t.second <= 60
	return time.Date(t.year, time.Month(t.month), t.day, t.hour, t.minute, t.second-t.offset, t.nanos, time.UTC), ok
}

// number reads a number of so many digits and returns their count; 0 if they are not there.
func number(b []byte, width int, into *int) (n int) {
	if digits(b) < width {
		return 0
	}
	*into = 0
	for _, c := range b[:width] {
		*into = *into*10 + int(c-'0')
	}
	return width
}

// digits counts those at the begin, up to more than any number of a time has.
func digits(b []byte) (n int) {
	for n < min(len(b), 20) && b[n] >= '0' && b[n] <= '9' {
		n++
	}
	return n
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
