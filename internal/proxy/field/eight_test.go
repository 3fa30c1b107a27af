package field

import (
	"bytes"
	"regexp"
	"strconv"
	"testing"
)

// How slow and readable code says what the functions that look at eight bytes at a time find.
var (
	slowNumber  = regexp.MustCompile(`^[0-9]{1,15} `)
	slowSeconds = regexp.MustCompile(`^([0-9]{1,8})\.([0-9]{3}) `)
	slowServed  = regexp.MustCompile(`^([1-4][0-9]{2}) `)
	slowWord    = regexp.MustCompile(`(?s)^[^ ]+ `)
	slowQuoted  = regexp.MustCompile(`(?s)^"([^"]*[^"\\]|)"( |$)`)
	slowAddress = regexp.MustCompile(`^[0-9a-f]*[.:][0-9a-f]*[.:][0-9a-f.:]*`)
)

// FuzzEight compares each function with a regular expression, wherever in the text it begins.
func FuzzEight(f *testing.F) {
	for _, text := range []string{
		"198.51.100.7 - - [14/Mar/2026:09:26:00 +0000]", "2001:db8::1 - - [14/Mar/2026", "10.244.5.3:8080 2317 0.023 304 4bed8189",
		"1234567 123456789012345 1234567890123456 12.345 12345678.901 123456789.012 0.04 1.2345 1/34 .123 ",
		`"GET / HTTP/1.1" "" "a\" b" "c"`, "a-word-of-more-than-twenty-four-bytes and one  two", "4bed81895646bf1c4bed81895646bf1c", "\x80\xff\xb0\xae: 09:.", "",
	} {
		f.Add([]byte(text))
	}
	end := func(found []byte) int {
		if found == nil {
			return -1
		}
		return len(found)
	}
	from := func(i, n int) int {
		if n < 0 {
			return -1
		}
		return i + n
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for i := range len(b) + 1 {
			rest := b[i:]
			if got, want := AfterNumber(b, i), from(i, end(slowNumber.Find(rest))); got != want {
				t.Fatalf("AfterNumber(%q) = %d, want %d", rest, got, want)
			}
			if got, number := AfterUint(b, i); got != AfterNumber(b, i) {
				t.Fatalf("AfterUint(%q) = %d, want %d", rest, got, AfterNumber(b, i))
			} else if got > 0 {
				if want, _ := Uint(b[i : got-1]); number != want {
					t.Fatalf("AfterUint(%q) found %d, want %d", rest, number, want)
				}
			}
			if got, want := AfterQuoted(b, i), from(i, end(slowQuoted.Find(rest))); got != want {
				t.Fatalf("AfterQuoted(%q) = %d, want %d", rest, got, want)
			}
			text, to := Quoted(b, i)
			if m := slowQuoted.FindSubmatch(rest); (to < 0) != (m == nil) || m != nil && string(text) != string(m[1]) {
				t.Fatalf("Quoted(%q) = %q, %d", rest, text, to)
			}
			if got, nanos := AfterMillis(b, i); got > 0 {
				if want, ok := Millis(b[i : got-1]); !ok || nanos != int64(want) {
					t.Fatalf("AfterMillis(%q) found %d, want %d, %v", rest, nanos, want, ok)
				}
			}
			if got, want := AfterWord(b, i), from(i, end(slowWord.Find(rest))); got != want {
				t.Fatalf("AfterWord(%q) = %d, want %d", rest, got, want)
			}
			m := slowServed.FindSubmatch(rest)
			got, status := AfterServed(b, i)
			if (got < 0) != (m == nil) || m != nil && (got != i+4 || strconv.Itoa(status) != string(m[1])) {
				t.Fatalf("AfterServed(%q) = %d, %d", rest, got, status)
			}
			m = slowSeconds.FindSubmatch(rest)
			got, nanos := AfterSeconds(b, i)
			if (got < 0) != (m == nil) {
				t.Fatalf("AfterSeconds(%q) = %d, %d", rest, got, nanos)
			}
			if m != nil {
				want, _ := Seconds(m[0][:len(m[0])-1])
				if got != i+len(m[0]) || nanos != int64(want) {
					t.Fatalf("AfterSeconds(%q) = %d, %d, want %d", rest, got, nanos, want)
				}
			}
			if got, want := AddressEnd(rest), end(slowAddress.Find(rest)); got >= 0 && got != want || got < 0 && want >= 0 && want < 40 && want+8 <= len(rest) {
				t.Fatalf("AddressEnd(%q) = %d, want %d", rest, got, want)
			}
			if n := bytes.IndexByte(rest, ' '); n >= 0 && IsAddress(rest, n) != (AddressEnd(rest) == n) {
				t.Fatalf("IsAddress(%q, %d) is %v", rest, n, IsAddress(rest, n))
			}
			for to := i; to <= min(len(b), i+MaxDigits+1); to++ {
				if _, want := Uint(b[i:to]); IsNumber(b, i, to) != want {
					t.Fatalf("IsNumber(%q) is %v", b[i:to], !want)
				}
			}
			if got, want := IsWord(rest), len(rest) > 0 && !bytes.Contains(rest, []byte(" ")); got != want {
				t.Fatalf("IsWord(%q) = %v", rest, got)
			}
		}
	})
}

func FuzzSegment(f *testing.F) {
	for _, text := range []string{"GET /cart/items?x=1 HTTP/1.1", "GET / HTTP/2.0", "GET /a#b HTTP/1.1", "GET /a b HTTP/1.1", "GET http://a/b HTTP/1.1", "-  HTTP/1.1", "A-B /c HTTP/1.1", "GET /a HTTP/1. "} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, request []byte) {
		got, ok := Segment(request)
		if !ok {
			return
		}
		_, target, is := RequestLine(request)
		_, path := Target(target)
		if !is || string(FirstSegment(path)) != string(got) {
			t.Fatalf("Segment(%q) = %q, want %q, %v", request, got, FirstSegment(path), is)
		}
	})
}

func TestEightBelowZero(t *testing.T) {
	text := bytes.Repeat([]byte("1 "), 16)
	status, _ := AfterServed(text, -1)
	seconds, _ := AfterSeconds(text, -1)
	number, _ := AfterUint(text, -1)
	for what, got := range map[string]int{"AfterServed": status, "AfterSeconds": seconds, "AfterUint": number, "AfterNumber": AfterNumber(text, -1), "AfterWord": AfterWord(text, -1), "AfterQuoted": AfterQuoted(text, -1)} {
		if got != -1 {
			t.Errorf("%s got to %d, want -1", what, got)
		}
	}
}

// A Clock reads what Common and ISO read, whatever it read before.
func FuzzClock(f *testing.F) {
	for _, text := range []string{"14/Mar/2026:09:26:53 +0000", "14/Mar/2026:09:26:54 +0000", "14/Mar/2026:09:26:60 -0130", "14/Mar/2026:09:26:53.125", "14/Mar/2026:09:26:60", "2026-03-14T09:26:53Z", "2026-03-14T09:26:60.5Z", "2026-03-14T09:26:53.125+01:00"} {
		f.Add([]byte(text), []byte("14/Mar/2026:09:26:53 +0100"))
	}
	f.Add(make([]byte, 26), []byte{})
	f.Fuzz(func(t *testing.T, a, b []byte) {
		var c Clock
		for _, text := range [][]byte{a, b, a} {
			got, ok := c.Common(text)
			if want, is := Common(text); ok != is || is && got != want.UnixNano() {
				t.Fatalf("Common(%q) = %d, %v, want %v, %v", text, got, ok, want, is)
			}
			got, ok = c.Local(text)
			if want, is := Local(text); ok != is || is && got != want.UnixNano() {
				t.Fatalf("Local(%q) = %d, %v, want %v, %v", text, got, ok, want, is)
			}
			got, ok = c.ISO(text)
			if want, is := ISO(text); ok != is || is && got != want.UnixNano() {
				t.Fatalf("ISO(%q) = %d, %v, want %v, %v", text, got, ok, want, is)
			}
		}
	})
}
