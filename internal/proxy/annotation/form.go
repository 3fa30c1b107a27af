package annotation

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/proxy"
)

// Form reads a value as it is written; what it cannot read is Wrong.
type Form func(value string) proxy.Setting

// Text takes any value.
func Text(v string) proxy.Setting { return proxy.Setting{Value: v, Yes: v != ""} }

// Upper takes a word whose case does not matter.
func Upper(v string) proxy.Setting {
	return proxy.Setting{Value: strings.ToUpper(strings.TrimSpace(v)), Yes: v != ""}
}

// OneOf takes one of some words, whose case does not matter.
func OneOf(words ...string) Form {
	return func(v string) proxy.Setting {
		s := Upper(v)
		if !slices.Contains(words, s.Value) {
			s.Wrong = fmt.Sprintf("%q is none of %s", v, strings.Join(words, ", "))
		}
		return s
	}
}

// Switch takes what Go's strconv reads as a boolean, as most controllers do.
func Switch(v string) proxy.Setting {
	on, err := strconv.ParseBool(strings.TrimSpace(v))
	s := proxy.Setting{Value: v, Yes: on}
	if err != nil {
		s.Wrong = fmt.Sprintf("%q is neither true nor false", v)
	}
	return s
}

// OnOff takes on and off, and true and false.
func OnOff(v string) proxy.Setting {
	switch strings.ToLower(strings.TrimSpace(v)) {
	case "on", "true":
		return proxy.Setting{Value: v, Yes: true}
	case "off", "false":
		return proxy.Setting{Value: v}
	}
	return proxy.Setting{Value: v, Wrong: fmt.Sprintf("%q is neither on nor off", v)}
}

// Number takes a whole number.
func Number(v string) proxy.Setting {
	n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
	s := proxy.Setting{Value: v, Size: n, Yes: n != 0}
	if err != nil {
		s.Wrong = fmt.Sprintf("%q is not a number", v)
	}
	return s
}

// Seconds takes a bare number of seconds and nothing else.
func Seconds(v string) proxy.Setting {
	s := Number(v)
	if s.Wrong != "" {
		s.Wrong = fmt.Sprintf("%q is not a bare number of seconds", v)
	}
	s.Time, s.Size = time.Duration(s.Size)*time.Second, 0
	return s
}

// Milliseconds takes a bare number of milliseconds and nothing else.
func Milliseconds(v string) proxy.Setting {
	s := Number(v)
	if s.Wrong != "" {
		s.Wrong = fmt.Sprintf("%q is not a bare number of milliseconds", v)
	}
	s.Time, s.Size = time.Duration(s.Size)*time.Millisecond, 0
	return s
}

// Span takes a time with units, several of them if need be; a bare number is in the unit given, if
// one is.
func Span(bare time.Duration) Form {
	return func(v string) proxy.Setting {
		t, ok := span(strings.TrimSpace(v), bare)
		s := proxy.Setting{Value: v, Time: t, Yes: t != 0}
		if !ok {
			s.Wrong = fmt.Sprintf("%q is not a time", v)
		}
		return s
	}
}

func span(v string, bare time.Duration) (time.Duration, bool) {
	const day = 24 * time.Hour
	units := map[string]time.Duration{
		"": bare, "us": time.Microsecond, "ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": day, "w": 7 * day,
	}
	if v == "" {
		return 0, false
	}
	var sum time.Duration
	for v != "" {
		v = strings.TrimLeft(v, " ")
		n := strings.IndexFunc(v, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
		if n < 0 {
			n = len(v)
		}
		f, err := strconv.ParseFloat(v[:n], 64)
		if err != nil || f > 1e9 {
			return 0, false
		}
		v = v[n:]
		end := strings.IndexFunc(v, func(r rune) bool { return r >= '0' && r <= '9' || r == ' ' })
		if end < 0 {
			end = len(v)
		}
		unit, known := units[v[:end]]
		if !known || unit == 0 {
			return 0, false
		}
		sum += time.Duration(f * float64(unit))
		v = v[end:]
	}
	return sum, true
}

// Bytes takes a size as nginx and HAProxy write it: a number with k, m or g.
func Bytes(v string) proxy.Setting {
	s := proxy.Setting{Value: v}
	text := strings.ToLower(strings.TrimSpace(v))
	factor := int64(1)
	for unit, f := range map[string]int64{"k": 1 << 10, "m": 1 << 20, "g": 1 << 30} {
		if rest, ok := strings.CutSuffix(text, unit); ok {
			text, factor = rest, f
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > (1<<62)/factor {
		s.Wrong = fmt.Sprintf("%q is not a size", v)
		return s
	}
	s.Size, s.Yes = n*factor, n > 0
	return s
}
