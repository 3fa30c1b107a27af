package field

import "time"

// Clock reads times as [Common], [ISO] and [Local] do and remembers the last minute, since the next line's time is nearly
// always in the same one. The zero value is ready.
type Clock struct {
	common, iso, local remembered
	// The last time that Common read, as it was written, and what it is.
	last   [26]byte
	lastAt int64
}

// remembered is a minute as it was written, up to the colon before the seconds.
type remembered struct {
	minute [18]byte
	zone   [6]byte
	at     int64 // its begin, in nanoseconds since 1970
	known  bool
}

// Common is [Common] as nanoseconds since 1970.
func (c *Clock) Common(b []byte) (nanos int64, ok bool) {
	if len(b) != len(c.last) {
		return 0, false
	}
	if l := c.last[:]; c.common.known && load(b, 0) == load(l, 0) && load(b, 8) == load(l, 8) && load(b, 16) == load(l, 16) && load(b, 18) == load(l, 18) {
		return c.lastAt, true
	}
	if nanos, ok = c.readCommon(b); ok {
		copy(c.last[:], b)
		c.lastAt = nanos
	}
	return nanos, ok
}

func (c *Clock) readCommon(b []byte) (nanos int64, ok bool) {
	if r := &c.common; r.known && string(b[:18]) == string(r.minute[:]) && string(b[20:]) == string(r.zone[:]) {
		if s, ok := seconds(b[18], b[19]); ok {
			return r.at + s*int64(time.Second), true
		}
	}
	at, ok := Common(b)
	if !ok {
		return 0, false
	}
	r := &c.common
	copy(r.minute[:], b[:18])
	copy(r.zone[:], b[20:])
	s, _ := seconds(b[18], b[19])
	r.at, r.known = at.UnixNano()-s*int64(time.Second), true
	return at.UnixNano(), true
}

// ISO is [ISO] as nanoseconds since 1970. Only times in UTC with at most three decimals are remembered.
func (c *Clock) ISO(b []byte) (nanos int64, ok bool) {
	r := &c.iso
	if n := len(b); r.known && n >= 20 && b[n-1] == 'Z' && string(b[:17]) == string(r.minute[:17]) {
		if s, ok := seconds(b[17], b[18]); ok {
			if n == 20 {
				return r.at + s*int64(time.Second), true
			}
			if part, ok := fraction(b[19 : n-1]); ok {
				return r.at + s*int64(time.Second) + int64(part), true
			}
		}
	}
	at, ok := ISO(b)
	if !ok {
		return 0, false
	}
	if b[len(b)-1] == 'Z' {
		copy(r.minute[:], b[:17])
		r.at, r.known = at.Truncate(time.Minute).UnixNano(), b[17] != '6' // a leap second would belong to the next minute
	}
	return at.UnixNano(), true
}

// Local is [Local] as nanoseconds since 1970.
func (c *Clock) Local(b []byte) (nanos int64, ok bool) {
	const minute = len("02/Jan/2006:15:04:")
	r := &c.local
	if r.known && len(b) >= minute+2 && string(b[:minute]) == string(r.minute[:minute]) {
		if s, ok := seconds(b[minute], b[minute+1]); ok {
			part, ok := fraction(b[minute+2:])
			return r.at + s*int64(time.Second) + int64(part), ok
		}
	}
	at, ok := Local(b)
	if !ok {
		return 0, false
	}
	copy(r.minute[:], b[:minute])
	r.at, r.known = at.Truncate(time.Minute).UnixNano(), b[minute] != '6' // as in ISO
	return at.UnixNano(), true
}

// seconds reads 00 to 60.
func seconds(tens, ones byte) (int64, bool) {
	if tens < '0' || tens > '6' || ones < '0' || ones > '9' || tens == '6' && ones != '0' {
		return 0, false
	}
	return int64(tens-'0')*10 + int64(ones-'0'), true
}
