package logformat

import "bytes"

// Content says what a variable may print. Contents are made by [Of], [Text] and [Run].
type Content struct {
	// reach returns how many bytes at the start of b may belong to the field, at most.
	reach func(b []byte) int
	// valid checks the whole of a field; nil: any.
	valid func(b []byte) bool
	// stops reports whether no field holds this byte unescaped.
	stops func(c byte) bool
	free  bool
	// stop are the bytes of stops, escaped as for Text; of a Run, custom is set.
	stop    string
	escaped bool
	custom  bool
	// joint is what joins two members of a list: where it follows, the field goes on.
	joint string
}

// Of is what the proxy itself makes: text without the stop bytes, and valid (nil: any such text).
func Of(stop string, valid func([]byte) bool) Content {
	c := upTo(stop, false)
	c.valid = valid
	return c
}

// Text is what comes from a client or a backend: any text without the stop bytes. escaped is set where a backslash takes
// the meaning from the byte after it.
func Text(stop string, escaped bool) Content {
	c := upTo(stop, escaped)
	c.free = true
	return c
}

// Run is a field whose end its own form tells: reach returns how many bytes it takes.
func Run(reach func(b []byte) int) Content {
	return Content{
		custom: true,
		reach:  reach,
		valid:  func(b []byte) bool { return reach(b) == len(b) },
		stops:  func(byte) bool { return false },
	}
}

func upTo(stop string, escaped bool) Content {
	var stops [256]bool
	for i := range len(stop) {
		stops[stop[i]] = true
	}
	return Content{
		stop: stop, escaped: escaped,
		reach: func(b []byte) int {
			for i := 0; i < len(b); i++ {
				if escaped && b[i] == '\\' {
					if i++; i == len(b) {
						return i - 1 // the byte that it takes the meaning from is not part of the field
					}
				} else if stops[b[i]] {
					return i
				}
			}
			return len(b)
		},
		stops: func(c byte) bool { return stops[c] },
	}
}

// Joined returns the content of a list whose members are joined with this text, which begins with a blank, or with a
// comma and a blank. No member has a blank or ends with a comma.
func (c Content) Joined(joint string) Content {
	c.joint = joint
	return c
}

// takes reports whether a field may go from one place of a line to another.
func (c *Content) takes(line []byte, from, to int) bool {
	if c.joint != "" && bytes.HasPrefix(line[to:], []byte(c.joint)) {
		return false
	}
	b := line[from:to]
	return c.reach(b) >= len(b) && (c.valid == nil || c.valid(b))
}
