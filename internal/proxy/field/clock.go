package field

import "time"

// Common reads the time of the common log format: "14/Mar/2026:09:26:00 +0000". The result is in UTC.
func Common(b []byte) (time.Time, bool) {
	if len(b) != len("02/Jan/2006:15:04:05 -0700") || b[2] != '/' || b[6] != '/' || b[11] != ':' || b[20] != ' ' {
		return time.Time{}, false
	}
	month, ok := monthOf(b[3:6])
	if !ok {
		return time.Time{}, false
	}
	offset, ok := zone(b[21], b[22:24], b[24:26])
	if !ok {
		return time.Time{}, false
	}
	return civil(b[7:11], month, b[0:2], b[12:20], 0, offset)
}

// Slashed reads the time of nginx's error log: "2026/03/14 09:26:00". The log does not say the zone:
// it is taken as UTC, which containers run in unless somebody changed it.
func Slashed(b []byte) (time.Time, bool) {
	if len(b) != len("2006/01/02 15:04:05") || b[4] != '/' || b[7] != '/' || b[10] != ' ' {
		return time.Time{}, false
	}
	month, ok := Uint(b[5:7])
	if !ok {
		return time.Time{}, false
	}
	return civil(b[0:4], time.Month(month), b[8:10], b[11:19], 0, 0)
}

// Local reads the time that HAProxy prints with %tr: "14/Mar/2026:09:26:00.123", as UTC for the same
// reason as [Slashed].
func Local(b []byte) (time.Time, bool) {
	if len(b) < len("02/Jan/2006:15:04:05") || b[2] != '/' || b[6] != '/' || b[11] != ':' {
		return time.Time{}, false
	}
	month, ok := monthOf(b[3:6])
	if !ok {
		return time.Time{}, false
	}
	nanos, ok := fraction(b[20:])
	if !ok {
		return time.Time{}, false
	}
	return civil(b[7:11], month, b[0:2], b[12:20], nanos, 0)
}

// ISO reads a time as in RFC 3339, with any number of decimals and with or without a colon in its zone: "2026-03-14T09:26:00.123Z". The
// result is in UTC.
func ISO(b []byte) (time.Time, bool) {
	if len(b) < len("2006-01-02T15:04:05Z") || b[4] != '-' || b[7] != '-' || (b[10] != 'T' && b[10] != ' ') {
		return time.Time{}, false
	}
	month, ok := Uint(b[5:7])
	if !ok {
		return time.Time{}, false
	}
	rest := b[19:]
	offset := 0
	switch n := len(rest); {
	case rest[n-1] == 'Z' || rest[n-1] == 'z':
		rest = rest[:n-1]
	case n >= 6 && rest[n-3] == ':':
		if offset, ok = zone(rest[n-6], rest[n-5:n-3], rest[n-2:]); !ok {
			return time.Time{}, false
		}
		rest = rest[:n-6]
	case n >= 5: // as strftime writes it, without a colon
		if offset, ok = zone(rest[n-5], rest[n-4:n-2], rest[n-2:]); !ok {
			return time.Time{}, false
		}
		rest = rest[:n-5]
	default:
		return time.Time{}, false
	}
	nanos, ok := fraction(rest)
	if !ok {
		return time.Time{}, false
	}
	return civil(b[0:4], time.Month(month), b[8:10], b[11:19], nanos, offset)
}

// civil puts a time together; clock is "15:04:05", offset is in seconds east of UTC.
func civil(year []byte, month time.Month, day, clock []byte, nanos, offset int) (time.Time, bool) {
	if clock[2] != ':' || clock[5] != ':' {
		return time.Time{}, false
	}
	y, ok1 := Uint(year)
	d, ok2 := Uint(day)
	h, ok3 := Uint(clock[0:2])
	m, ok4 := Uint(clock[3:5])
	s, ok5 := Uint(clock[6:8])
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 {
		return time.Time{}, false
	}
	if month < time.January || month > time.December || d < 1 || d > 31 || h > 23 || m > 59 || s > 60 {
		return time.Time{}, false
	}
	return time.Date(int(y), month, int(d), int(h), int(m), int(s)-offset, nanos, time.UTC), true
}

// fraction reads ".123" as nanoseconds; nothing is 0.
func fraction(b []byte) (nanos int, ok bool) {
	if len(b) == 0 {
		return 0, true
	}
	if b[0] != '.' || len(b) == 1 {
		return 0, false
	}
	unit := 100_000_000
	for _, c := range b[1:] {
		if c < '0' || c > '9' {
			return 0, false
		}
		nanos += int(c-'0') * unit
		unit /= 10
	}
	return nanos, true
}

func zone(sign byte, hours, minutes []byte) (seconds int, ok bool) {
	h, ok1 := Uint(hours)
	m, ok2 := Uint(minutes)
	if !ok1 || !ok2 || h > 14 || m > 59 {
		return 0, false
	}
	seconds = int(h)*3600 + int(m)*60
	switch sign {
	case '+':
		return seconds, true
	case '-':
		return -seconds, true
	default:
		return 0, false
	}
}

func monthOf(b []byte) (time.Month, bool) {
	switch string(b) {
	case "Jan":
		return time.January, true
	case "Feb":
		return time.February, true
	case "Mar":
		return time.March, true
	case "Apr":
		return time.April, true
	case "May":
		return time.May, true
	case "Jun":
		return time.June, true
	case "Jul":
		return time.July, true
	case "Aug":
		return time.August, true
	case "Sep":
		return time.September, true
	case "Oct":
		return time.October, true
	case "Nov":
		return time.November, true
	case "Dec":
		return time.December, true
	default:
		return 0, false
	}
}

// Epoch reads seconds since 1970 with an optional fraction: "1777883415.250".
func Epoch(b []byte) (time.Time, bool) {
	d, ok := Seconds(b)
	if !ok {
		return time.Time{}, false
	}
	return time.Unix(0, int64(d)).UTC(), true
}
