package model

import "strings"

// PointerSteps splits a JSON pointer such as that of a [FieldChange] (RFC 6901, section 4: "~1" is "/" and "~0" is "~"). There
// is one step at least: that of a pointer to the whole is empty, which no field of an object is called.
func PointerSteps(pointer string) []string {
	out := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	unescape := strings.NewReplacer("~1", "/", "~0", "~")
	for i := range out {
		out[i] = unescape.Replace(out[i])
	}
	return out
}
