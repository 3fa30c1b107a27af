package blanks

// ways are those in which this processor can find a line.
func ways() map[string]func(*Line, []byte) {
	found := map[string]func(*Line, []byte){"Find": (*Line).Find, "find": (*Line).find}
	add := func(name string, has bool, scan func(*byte, int, int, *Line) bool) {
		if has {
			found[name] = func(l *Line, text []byte) {
				if len(text) == 0 || !scan(&text[0], len(text), cap(text), l) {
					l.find(text)
				}
			}
		}
	}
	add("scan512", has512(), scan512)
	add("scan256", has256(), scan256)
	return found
}
