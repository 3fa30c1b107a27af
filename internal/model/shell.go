package model

import "strings"

// shellPlain are the characters that mean nothing to a POSIX shell.
const shellPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@"

// ShellWord makes one word of a name for a POSIX shell, with quotes only where it needs them: names of real
// objects never do, but a file may hold anything.
func ShellWord(name string) string {
	if name != "" && !strings.ContainsFunc(name, func(r rune) bool { return !strings.ContainsRune(shellPlain, r) }) {
		return name
	}
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}
