package nodecount

import (
	"strings"

	"github.com/gatemend/gatemend/internal/proxy/field"
	"github.com/gatemend/gatemend/internal/signal/relay"
)

// Bounds of a path that is a series of its own.
const (
	deepest = 6
	longest = 128
)

// placeholder stands for an identifier.
const placeholder = "*"

// general gives the path of a request as a series has it: without its query, and with placeholders for identifiers.
// Routes are found by the beginnings of paths, which seldom have any.
func general(path string) string {
	path, _, _ = strings.Cut(path, "?")
	if len(path) > longest {
		path = path[:strings.LastIndexByte(path[:longest], '/')+1]
	}
	segments := strings.Split(path, "/")
	if len(segments) > deepest+1 {
		segments = segments[:deepest+1]
	}
	plain := true
	for i, s := range segments {
		if identifies(s) {
			segments[i], plain = placeholder, false
		}
	}
	if plain && len(segments) <= deepest {
		return path
	}
	return strings.Join(segments, "/")
}

// identifies reports whether a segment looks as if each request had another one: a long number, or letters of
// hexadecimal numbers, UUIDs and the like.
func identifies(s string) bool {
	const longNumber, longName = 4, 16
	digits, others := 0, 0
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			digits++
		case c == '-' || c == '_':
		default:
			others++
		}
	}
	return digits >= longNumber && others == 0 || len(s) >= longName && digits >= longNumber
}

// shorter is the series that takes the place of one for which there is no room.
func shorter(key relay.Series) relay.Series {
	key.Path = field.FirstSegment(key.Path)
	return key
}
