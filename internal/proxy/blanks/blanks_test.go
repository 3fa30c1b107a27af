package blanks

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// slow says what Find finds.
func slow(text []byte) (l Line) {
	inside := false
	for _, c := range text {
		switch {
		case c == '\n':
			return l
		case c == '"':
			l.Quotes++
			inside = !inside
		case c == ' ' && !inside:
			if l.N < Most {
				l.At[l.N] = int32(l.End)
			}
			l.N++
		}
		l.End++
	}
	return l
}

func check(t *testing.T, text []byte) {
	t.Helper()
	want := slow(text)
	for name, find := range ways() {
		var got Line
		find(&got, text)
		if got.End != want.End || got.Quotes != want.Quotes || min(got.N, Most+1) != min(want.N, Most+1) {
			// Where blanks stand near to each other, there may be said to be more of them than are told.
			if got.N > Most && want.N > 16 && got.End == want.End && got.Quotes == want.Quotes {
				continue
			}
			t.Fatalf("%s of %q: end %d, %d quotes, %d blanks; want %d, %d, %d", name, text, got.End, got.Quotes, got.N, want.End, want.Quotes, want.N)
		}
		if n := want.N; n <= Most && !slices.Equal(got.At[:n], want.At[:n]) {
			t.Fatalf("%s of %q: blanks at %d, want %d", name, text, got.At[:n], want.At[:n])
		}
	}
}

func texts() [][]byte {
	line := `192.0.2.10 - - [14/Mar/2026:09:26:00 +0000] "GET /a/b?c HTTP/1.1" 200 5123 "-" "Mozilla/5.0 (X11)" 84 0.004 [shop-web-80] [] 10.244.1.10:8080 5123 0.004 200 cfcd208495d565ef66e7dff9f98764da`
	return [][]byte{
		nil, []byte("\n"), []byte(line), []byte(line + "\n" + line + "\n"), []byte(line + strings.Repeat(" x", 40) + "\n" + line),
		[]byte(`"odd` + line + "\n" + line), []byte(strings.Repeat(" ", 200)), []byte(strings.Repeat(`"`, 200)), []byte(strings.Repeat(`a" b" c`, 50)),
	}
}

func TestFind(t *testing.T) {
	for _, text := range texts() {
		for i := range len(text) + 1 {
			check(t, text[i:])
			check(t, text[:i])
		}
	}
}

func FuzzFind(f *testing.F) {
	for _, text := range texts() {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		check(t, text)
		check(t, append(bytes.Clone(text), make([]byte, 64)...)) // so that there is room behind its last line
	})
}

func BenchmarkFind(b *testing.B) {
	text := append(texts()[3], make([]byte, 64)...)
	for name, find := range ways() {
		b.Run(name, func(b *testing.B) {
			var l Line
			for b.Loop() {
				find(&l, text)
			}
		})
	}
}
