//go:build !amd64

package blanks

func (l *Line) fast([]byte) bool { return false }
