package field

import (
	"bytes"
	"time"
)

// MaxDigits is how many digits a number may have; it keeps every number well inside an int64.
const MaxDigits = 15

// Uint reads a number made of digits alone.
func Uint(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > MaxDigits {
		return 0, false
	}
	var n int64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// Status reads an HTTP status of three digits. nginx pads with zeros: 009 is 9.
func Status(b []byte) (int, bool) {
	if len(b) != 3 {
		return 0, false
	}
	n, ok := Uint(b)
	return int(n), ok
}

// Served reads the status of a request that did not fail, 100 to 499: all others are read in full, to learn why.
func Served(b []byte) (int, bool) {
	if len(b) != 3 || b[0] < '1' || b[0] > '4' {
		return 0, false
	}
	return Status(b)
}

// Seconds reads seconds with an optional fraction, as nginx prints times: "0.035".
func Seconds(b []byte) (time.Duration, bool) {
	return decimal(b, time.Second)
}

// Millis reads milliseconds with an optional fraction.
func Millis(b []byte) (time.Duration, bool) {
	return decimal(b, time.Millisecond)
}

func decimal(b []byte, unit time.Duration) (time.Duration, bool) {
	whole, fraction, dotted := bytes.Cut(b, []byte{'.'})
	n, ok := Uint(whole)
	if !ok || n > int64(1<<62/unit) {
		return 0, false
	}
	d := time.Duration(n) * unit
	if !dotted {
		return d, true
	}
	if len(fraction) == 0 {
		return 0, false
	}
	for _, c := range fraction { // of any length, as floats are printed; what is less than a nanosecond is dropped
		if c < '0' || c > '9' {
			return 0, false
		}
		unit /= 10
		d += time.Duration(c-'0') * unit
	}
	return d, true
}
