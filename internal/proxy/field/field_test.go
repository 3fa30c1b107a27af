package field

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
	"unsafe"
)

func TestRedact(t *testing.T) {
	tests := map[string]string{
		`"GET /pay?card=4111&cvv=1;x=2 HTTP/1.1" 502`:                         `"GET /pay?card=***&cvv=***;x=*** HTTP/1.1" 502`,
		`"request_Authorization":"Bearer abc.def","level":"info"`:             `"request_Authorization":"***","level":"info"`,
		`"GET /v1/sys/health?activecode=503&standbycode=200 HTTP/1.1" 503 12`: `"GET /v1/sys/health?activecode=503&standbycode=*** HTTP/1.1" 503 12`,
		`"uri":"/h?status=503","status":503,"cvv":1`:                          `"uri":"/h?status=503","status":503,"cvv":1`,
		`"GET /health?activecode=503 HTTP/1.1" 502 12`:                        `"GET /health?activecode=*** HTTP/1.1" 502 12`,
		`"GET /pay?cvv=503 HTTP/1.1" 503 12`:                                  `"GET /pay?cvv=*** HTTP/1.1" 503 12`,
		`authorization: Basic dXNlcjpwYXNz`:                                   `authorization: ***`,
		`"request_Cookie":"a=b; c=d"`:                                         `"request_Cookie":"***"`,
		`Set-Cookie: sid=1`:                                                   `Set-Cookie: ***`,
		`upstream: "http://10.0.0.1/?token=xyz", host: "a"`:                   `upstream: "http://10.0.0.1/?token=***", host: "a"`,
		`connect() failed (111: Connection refused), host: "secret.test"`:     `connect() failed (111: Connection refused), host: "secret.test"`,
		``: ``,
	}
	for line, want := range tests {
		if got := Redact([]byte(line)); got != want {
			t.Errorf("Redact(%s)\n got %s\nwant %s", line, got, want)
		}
	}
	if got := Redact(bytes.Repeat([]byte("x"), 10000)); len(got) != redactLimit {
		t.Errorf("a long line keeps %d bytes, want %d", len(got), redactLimit)
	}
}

// Nothing that follows a question mark and an equals sign may survive.
func FuzzRedact(f *testing.F) {
	f.Add("GET /a?", "b")
	f.Fuzz(func(t *testing.T, before, after string) {
		const value = "Zq7secretvalue"
		got := Redact([]byte(before + "/p?k=" + value + " " + after))
		if strings.Contains(got, value) && !strings.Contains(before+after, "Zq7") {
			t.Errorf("the value is still there: %q", got)
		}
	})
}

func TestLayout(t *testing.T) {
	want := time.Date(2026, 3, 4, 21, 26, 53, 0, time.UTC)
	tests := []struct {
		form, text string
		want       time.Time // zero: cannot be read
	}{
		{"%Y/%m/%dT%H:%M:%S%z", "2026/03/04T23:56:53+0230", want},
		{"%Y-%m-%d %H:%M:%S.%3f", "2026-03-04 21:26:53.589", want.Add(589e6)},
		{"%d/%b/%Y:%H:%M:%S %z", "04/Mar/2026:21:26:53 +0000", want},
		{"%s.%6f", "1772659613.000250", want.Add(250e3)},
		{"%s%3f", "1772659613589", want.Add(589e6)},
		{"%s%f", "1772659613000000001", want.Add(1)},
		{"%FT%E3S%Ez", "2026-03-04T19:26:53.500-02:00", time.Time{}}, // %E3S are the seconds alone
		{"%FT%H:%M:%E3S%Ez", "2026-03-04T19:26:53.500-02:00", want.Add(5e8)},
		{"%F%ET%H:%M:%E*S", "2026-03-04T21:26:53", want},
		{"%c", "Wed Mar  4 21:26:53 2026", want},
		{"%A, %e %B %y %I:%M:%S %p %Z", "Wednesday,  4 March 26 09:26:53 PM UTC", want},
		{"%D %I %p", "03/04/26 12 AM", want.Truncate(24 * time.Hour)},
		{"%%%D%t%R", "%03/04/26\t21:26", want.Truncate(time.Minute)},
		{"%D %T", "03/04/26 21:26", time.Time{}},
		{"%D %T", "13/04/26 21:26:53", time.Time{}},
		{"%D %p", "03/04/26 P", want.Truncate(24 * time.Hour).Add(12 * time.Hour)},
		{"%s", "99999999999999999999", time.Time{}},
		{"%s", "1772659613 ", time.Time{}},
	}
	for _, test := range tests {
		l, ok := NewLayout(test.form)
		if !ok {
			t.Errorf("%s does not compile", test.form)
			continue
		}
		if got, ok := l.Read([]byte(test.text)); ok == test.want.IsZero() || ok && !got.Equal(test.want) {
			t.Errorf("%s: %s is read as %v %v, want %v", test.form, test.text, got, ok, test.want)
		}
	}
	for _, form := range []string{"", "%H:%M:%S", "%Y-%m", "%D %Q", "%D %", "%D %E", "%D %E3", "%D %Ex", "%D %3", "%D %0f"} {
		if _, ok := NewLayout(form); ok {
			t.Errorf("%s compiles, but does not tell when", form)
		}
	}
}

func FuzzLayout(f *testing.F) {
	f.Add("%A, %e %B %y %I:%M:%S %p %Z", "Wednesday,  4 March 26 09:26:53 PM UTC")
	f.Add("%s%3f", "1772659613589")
	f.Fuzz(func(_ *testing.T, form, text string) {
		if l, ok := NewLayout(form); ok {
			l.Read([]byte(text))
		}
	})
}

func TestClocks(t *testing.T) {
	want := time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)
	fine := want.Add(589793238)
	tests := []struct {
		text string
		read func([]byte) (time.Time, bool)
		want time.Time
		ok   bool
	}{
		{"14/Mar/2026:11:56:53 +0230", Common, want, true},
		{"14/Mar/2026:09:26:53 +0000", Common, want, true},
		{"14/Mar/2026:09:26:53 *0000", Common, time.Time{}, false},
		{"14/Mrz/2026:09:26:53 +0000", Common, time.Time{}, false},
		{"2026/03/14 09:26:53", Slashed, want, true},
		{"2026/03/14T09:26:53", Slashed, time.Time{}, false},
		{"14/Mar/2026:09:26:53.589793238", Local, fine, true},
		{"14/Mar/2026:09:26:53.", Local, time.Time{}, false},
		{"2026-03-14T09:26:53Z", ISO, want, true},
		{"2026-03-14T08:26:53-0100", ISO, want, true},
		{"2026-03-14T09:26:53x0000", ISO, time.Time{}, false},
		{"2026-03-14T04:26:53-05:00", ISO, want, true},
		{"2026-03-14T09:26:53.589793238Z", ISO, fine, true},
		{"2026-13-14T09:26:53Z", ISO, time.Time{}, false},
		{"2026-03-14T24:26:53Z", ISO, time.Time{}, false},
		{"2026-03-14T09:26:53", ISO, time.Time{}, false},
		{"", ISO, time.Time{}, false},
	}
	for _, test := range tests {
		if got, ok := test.read([]byte(test.text)); ok != test.ok || !got.Equal(test.want) {
			t.Errorf("%q: got %v, %v; want %v, %v", test.text, got, ok, test.want, test.ok)
		}
	}
}

// time.Parse is the slow reader of the same times.
func FuzzISO(f *testing.F) {
	f.Add("2026-03-14T09:26:53.589793238Z")
	f.Add("2026-03-14T09:26:53+01:00")
	f.Fuzz(func(t *testing.T, text string) {
		want, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			ISO([]byte(text))
			return
		}
		// Offsets of more than 14 hours do not exist; time.Parse takes them.
		if got, ok := ISO([]byte(text)); ok && !got.Equal(want) {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	})
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string]time.Duration{"0": 0, "1.250": 1250 * time.Millisecond, "60.001": 60001 * time.Millisecond, "0.000000001": 1, "1.2810000000000001": 1281 * time.Millisecond} {
		if got, ok := Seconds([]byte(text)); !ok || got != want {
			t.Errorf("Seconds(%q) = %v, %v; want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "-1", "1.", ".5", "1.2x", "1e3", "99999999999999999999", "999999999999999"} {
		if got, ok := Seconds([]byte(text)); ok {
			t.Errorf("Seconds(%q) = %v, want no number", text, got)
		}
	}
	if n, ok := Status([]byte("009")); !ok || n != 9 {
		t.Errorf("Status(009) = %d, %v", n, ok)
	}
	for i := range 1100 {
		text := fmt.Sprintf("%03d", i)
		if n, ok := Served([]byte(text)); ok != (i >= 100 && i < 500) || ok && n != i {
			t.Errorf("Served(%s) = %d, %v", text, n, ok)
		}
	}
}

func TestTargets(t *testing.T) {
	for target, want := range map[string][2]string{
		"/a?b=c":             {"", "/a"},
		"/a#b":               {"", "/a"},
		"*":                  {"", "*"},
		"http://a.test/b?c":  {"a.test", "/b"},
		"https://a.test:444": {"a.test:444", "/"},
		"":                   {"", ""},
	} {
		if host, path := Target([]byte(target)); string(host) != want[0] || string(path) != want[1] {
			t.Errorf("Target(%q) = %q, %q; want %q", target, host, path, want)
		}
	}
	for authority, want := range map[string]string{"a.test": "a.test", "a.test:80": "a.test", "[::1]:80": "::1", "2001:db8::1": "2001:db8::1", "": ""} {
		if got := Host([]byte(authority)); string(got) != want {
			t.Errorf("Host(%q) = %q, want %q", authority, got, want)
		}
	}
}

func TestInterner(t *testing.T) {
	var names Interner
	if got := names.String(nil); got != "" {
		t.Errorf("nothing became %q", got)
	}
	for i := range 3 * internSets * internWays { // more than it remembers
		text := []byte{byte(i), byte(i >> 8), byte(i >> 16)}
		first := names.String(text)
		if first != string(text) {
			t.Fatalf("%q became %q", text, first)
		}
		if again := names.String(text); unsafe.StringData(again) != unsafe.StringData(first) {
			t.Fatalf("%q became another string at once", text)
		}
	}
	long := bytes.Repeat([]byte("x"), internLength+1)
	if got := names.String(long); got != string(long) {
		t.Errorf("a long text became %q", got)
	}
}

func TestTriesAreNotShared(t *testing.T) {
	var tries Tries
	a, b := tries.Take(2), tries.Take(2)
	a[1].Status = 1
	a = append(a, b[1])
	if b[0].Status != 0 || len(a) != 3 {
		t.Error("two signals share their tries")
	}
}
