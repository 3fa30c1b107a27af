package field

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// The functions here look at eight bytes of a line at a time, as one number with the first byte in its lowest eight bits. Fields of a
// log line are so short, and so different in length, that a loop over their bytes mostly costs the branch that ends it, which
// no processor foresees. In a mask of bytes each byte is 0x80 or 0. See Henry S. Warren, "Hacker's Delight", 6-1.

const (
	each = 0x0101010101010101 // times a byte: that byte eight times
	high = 0x80 * each
	low7 = 0x7f * each
)

// load returns eight bytes from i on.
func load(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[i:]) }

// equal masks the bytes of x that are c.
func equal(x uint64, c byte) uint64 {
	x ^= each * uint64(c)
	return ^(x&low7 + low7 | x) & high
}

// between masks the bytes of x from a to z, both below 0x80.
func between(x uint64, a, z byte) uint64 {
	y := x & low7
	return (y + each*uint64(0x80-a)) &^ (y + each*uint64(0x7f-z)) &^ x & high
}

// others masks the bytes of x that are no digits.
func others(x uint64) uint64 {
	x ^= each * '0' // digits become what they stand for
	return (x&low7 + each*(0x7f-9) | x) & high
}

// first is the index of the first byte of a mask; 8 if there is none. It counts the bits below, since all that x86 has for looking for
// one, without extensions that not every processor has, takes AMD's longer (BSF; skimming a line of ingress-nginx 4 %).
func first(mask uint64) int { return bits.OnesCount64((mask-1)&^mask) >> 3 }

// AfterNumber passes over digits from i on, at most [MaxDigits], and the blank after them. It returns where that ends,
// or -1 if they are not there or i is below 0.
func AfterNumber(b []byte, i int) int {
	if i >= 0 && len(b)-i >= 8 {
		if n := first(others(load(b, i))); n > 0 && n < 8 && b[i+n] == ' ' {
			return i + n + 1
		}
	}
	i, _ = afterUint(b, i)
	return i
}

// IsNumber reports whether digits, at most [MaxDigits], and nothing else are between two places of b.
func IsNumber(b []byte, from, to int) bool {
	if n := to - from; n >= 1 && n <= 8 && to >= 8 {
		return others(load(b, to-8))>>(64-8*n) == 0
	}
	_, ok := Uint(b[from:to])
	return ok
}

// AfterUint is [AfterNumber], and says which number it is.
func AfterUint(b []byte, i int) (end int, number int64) {
	if i >= 0 && len(b)-i >= 8 {
		x := load(b, i)
		if n := first(others(x)); n > 0 && n < 8 && b[i+n] == ' ' {
			return i + n + 1, decimals(x << (64 - 8*n))
		}
	}
	return afterUint(b, i)
}

// AfterMillis is [AfterUint] of milliseconds that [Millis] takes, as nanoseconds.
func AfterMillis(b []byte, i int) (end int, nanos int64) {
	const millisecond = 1_000_000
	i, number := AfterUint(b, i)
	if number > 1<<62/millisecond {
		return -1, 0
	}
	return i, number * millisecond
}

// decimals is the number of eight digits, of which the first may be zero bytes. It puts together neighbours: digits, then pairs, then fours.
func decimals(x uint64) int64 {
	x = x & (0x0f * each) * (10<<8 + 1) >> 8
	x = x & 0x00ff00ff_00ff00ff * (100<<16 + 1) >> 16
	return int64(x & 0x0000ffff_0000ffff * (10000<<32 + 1) >> 32)
}

func afterUint(b []byte, i int) (end int, number int64) {
	if i < 0 {
		return -1, 0
	}
	n := bytes.IndexByte(b[i:min(len(b), i+MaxDigits+1)], ' ')
	if n < 0 {
		return -1, 0
	}
	number, ok := Uint(b[i : i+n])
	if !ok {
		return -1, 0
	}
	return i + n + 1, number
}

// AfterSeconds reads seconds with three decimals from i on, as nginx prints them, and passes over the blank after them. It
// returns where that ends, or -1 if they are not there or i is below 0.
func AfterSeconds(b []byte, i int) (end int, nanos int64) {
	const millisecond = 1_000_000
	if i >= 0 && len(b)-i >= 8 {
		// Nearly always it is less than ten: "0.004 ".
		const dotAndBlank, digits = 0xff00_0000_ff00, 0x80_8080_0080
		x := load(b, i)
		if x&dotAndBlank == ' '<<40|'.'<<8 && others(x)&digits == 0 {
			return i + 6, int64(x&15*1000+x>>16&15*100+x>>24&15*10+x>>32&15) * millisecond
		}
	}
	if i < 0 {
		return -1, 0
	}
	dot := bytes.IndexByte(b[i:min(len(b), i+9)], '.')
	if dot < 1 || len(b) < i+dot+5 || b[i+dot+4] != ' ' {
		return -1, 0
	}
	whole, ok := Uint(b[i : i+dot])
	millis, is := Uint(b[i+dot+1 : i+dot+4])
	if !ok || !is {
		return -1, 0
	}
	return i + dot + 5, (whole*1000 + millis) * millisecond
}

// AfterServed reads a status as Served does from i on, and passes over the blank after it. It returns where that ends, or -1
// if it is not there or i is below 0.
func AfterServed(b []byte, i int) (end, status int) {
	if i < 0 || len(b)-i < 4 {
		return -1, 0
	}
	x := binary.LittleEndian.Uint32(b[i:])
	if x>>24 != ' ' || others(uint64(x))&0x808080 != 0 || x&15-1 > 3 {
		return -1, 0
	}
	return i + 4, int(x&15*100 + x>>8&15*10 + x>>16&15)
}

// AfterWord passes over all up to the next blank, and that. It returns where that ends, or -1 if there is none, or nothing
// before it, or i is below 0.
func AfterWord(b []byte, i int) int {
	if i >= 0 && len(b)-i >= 24 { // nearly always, and then without a branch that depends on the length
		n := first(equal(load(b, i), ' '))
		if more := first(equal(load(b, i+8), ' ')); n == 8 {
			n += more
		}
		if more := first(equal(load(b, i+16), ' ')); n == 16 {
			n += more
		}
		if n > 0 && n < 24 {
			return i + n + 1
		}
	}
	if i < 0 {
		return -1
	}
	if n := bytes.IndexByte(b[i:], ' '); n > 0 {
		return i + n + 1
	}
	return -1
}

// AfterQuoted passes over a quoted field in which no quote is escaped, and the blank after it if there is more. It returns where
// that ends, or -1 if it is not there or i is below 0.
func AfterQuoted(b []byte, i int) int {
	if i < 0 || len(b)-i < 2 || b[i] != '"' {
		return -1
	}
	if len(b)-i > 4 && binary.LittleEndian.Uint32(b[i:]) == dash {
		return i + 4
	}
	end := bytes.IndexByte(b[i+1:], '"') + i + 1
	if end == i || b[end-1] == '\\' {
		return -1
	}
	if end == len(b)-1 {
		return len(b)
	}
	if b[end+1] != ' ' {
		return -1
	}
	return end + 2
}

// dash is what nginx and HAProxy quote where there is nothing, with the blank after it, as a little-endian number.
const dash = '"' | '-'<<8 | '"'<<16 | ' '<<24

// Quoted is [AfterQuoted], and returns what stands between the quotes.
func Quoted(b []byte, i int) (text []byte, end int) {
	end = AfterQuoted(b, i)
	switch {
	case end < 0:
		return nil, -1
	case b[end-1] == ' ':
		return b[i+1 : end-2], end
	default:
		return b[i+1 : end-1], end
	}
}

// IsWord reports whether b is not empty and has no blank in it.
func IsWord(b []byte) bool {
	if len(b) == 32 { // an id, nearly always
		return equal(load(b, 0), ' ')|equal(load(b, 8), ' ')|equal(load(b, 16), ' ')|equal(load(b, 24), ' ') == 0
	}
	return len(b) > 0 && bytes.IndexByte(b, ' ') < 0
}

// IsAddress reports whether b begins with an address of this length, as [AddressEnd] finds it.
func IsAddress(b []byte, length int) bool {
	if length < 9 || length >= 16 || len(b) < 16 { // an IPv4 address is rarely shorter
		return AddressEnd(b) == length
	}
	x, y := load(b, 0), load(b, length-8) // which overlap
	dots, more := equal(x, '.'), equal(y, '.')
	if (dots|between(x, '0', '9'))&(more|between(y, '0', '9')) == high && bits.OnesCount64(dots)+bits.OnesCount64(more>>(8*(16-length))) >= 2 {
		return true
	}
	return AddressEnd(b) == length
}

// AddressEnd returns how long the address of a client at the begin of b is: IPv4 or IPv6 in small letters, which has two
// separators at least, and after which something else comes. It is -1 if there is none.
func AddressEnd(b []byte) int {
	separators := 0
	for at := 0; len(b)-at >= 8 && at < 48; at += 8 {
		x := load(b, at)
		marks, digits := equal(x, '.'), between(x, '0', '9')
		other := ^(marks | digits) & high
		if other != 0 && b[at+first(other)] != ' ' { // IPv6, or a port
			marks |= equal(x, ':')
			other = ^(marks | digits | between(x, 'a', 'f')) & high
		}
		if other == 0 {
			separators += bits.OnesCount64(marks)
			continue
		}
		separators += bits.OnesCount64(marks & (other - 1))
		if separators < 2 {
			return -1
		}
		return at + first(other)
	}
	return -1
}
