//go:build !amd64

package blanks

func ways() map[string]func(*Line, []byte) {
	return map[string]func(*Line, []byte){"Find": (*Line).Find, "find": (*Line).find}
}
