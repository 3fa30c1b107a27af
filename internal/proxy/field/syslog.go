package field

import "bytes"

// headWords is how many words a syslog header has between its time and its text at most: the host, and the tag.
const headWords = 2

// AfterSyslog takes off what syslog puts before a message, in whatever of its forms: "<134>" alone, "<134>Mar 14 09:26:00 host nginx[31]: " (RFC 3164),
// "<134>1 2026-03-14T09:26:00Z host nginx 31 - - " (RFC 5424), and the same as collectors store them, without the number, or with the other time
// (rsyslog, "RSYSLOG_FileFormat"). HAProxy also writes a time without host and tag (doc/configuration.txt, "log ... format iso"). A line without a
// header is given back as it is.
func AfterSyslog(line []byte) []byte {
	text, numbered := priority(line)
	if rest, ok := bytes.CutPrefix(text, []byte("1 ")); ok && numbered {
		if rest, ok = afterRFC5424(rest); ok {
			return rest
		}
		return line
	}
	if rest, ok := afterStamp(text); ok {
		if rest, ok = afterTag(rest); ok {
			return rest
		}
		return line // a log that begins with a time of its own
	}
	if len(text) <= len("2026-03-14") || text[len("2026-03-14")] != 'T' {
		return text
	}
	if at, rest, ok := bytes.Cut(text, []byte{' '}); ok {
		if _, is := ISO(at); is {
			rest, _ = afterTag(rest)
			return rest
		}
	}
	return text
}

// priority takes off "<134>".
func priority(line []byte) (rest []byte, ok bool) {
	const most = len("<191>")
	if len(line) == 0 || line[0] != '<' {
		return line, false
	}
	end := bytes.IndexByte(line[:min(len(line), most)], '>')
	if end < 0 {
		return line, false
	}
	if _, ok := Uint(line[1:end]); !ok {
		return line, false
	}
	return line[end+1:], true
}

// afterStamp takes off "Mar 14 09:26:00 ".
func afterStamp(text []byte) (rest []byte, ok bool) {
	const width = len("Mar 14 09:26:00 ")
	if len(text) < width || text[3] != ' ' || text[6] != ' ' || text[9] != ':' || text[12] != ':' || text[width-1] != ' ' {
		return text, false
	}
	if _, ok := monthOf(text[:3]); !ok {
		return text, false
	}
	return text[width:], true
}

// afterTag takes off "host nginx[31]: ", or the tag alone.
func afterTag(text []byte) (rest []byte, ok bool) {
	rest = text
	for range headWords {
		var name []byte
		if name, rest, ok = bytes.Cut(rest, []byte{' '}); !ok || len(name) == 0 {
			break
		}
		if name[len(name)-1] == ':' {
			return rest, true
		}
	}
	return text, false
}

// afterRFC5424 takes off the time, the host, the name and number of the process, the kind of message, and structured data.
func afterRFC5424(text []byte) (rest []byte, ok bool) {
	at, rest, ok := bytes.Cut(text, []byte{' '})
	if _, is := ISO(at); !ok || !is && string(at) != "-" {
		return nil, false
	}
	for range 4 {
		if _, rest, ok = bytes.Cut(rest, []byte{' '}); !ok {
			return nil, false
		}
	}
	if rest, ok = bytes.CutPrefix(rest, []byte("- ")); ok {
		return rest, true
	}
	for quoted, i := false, 0; i < len(rest) && rest[0] == '['; i++ {
		switch c := rest[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == ']' && !quoted && i+1 < len(rest) && rest[i+1] == ' ':
			return rest[i+2:], true
		}
	}
	return nil, false
}
