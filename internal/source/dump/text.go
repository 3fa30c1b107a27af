package dump

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"
)

// piece is the text of one object, and where it stands.
type piece struct {
	line int // of its first line in the file, from 1
	text []byte
	json bool
}

// list is a list of objects in a file, or a single object as a list of one.
type list struct {
	apiVersion, kind string // of the list, for example v1 and ServiceList; empty for a single object
	cut              bool   // the API server has more: the list ends with a continue token
	items            []piece
}

// fault is something in a file that could not be read.
type fault struct {
	line int
	why  string
	// foreign is set for text that is whole but is no Kubernetes object; nothing was lost with it.
	foreign bool
}

// split cuts the text of a file into objects.
func split(data []byte) ([]list, []fault) {
	data = plain(data)
	if !isText(data) {
		return nil, []fault{{why: "not text", foreign: true}}
	}
	if rest := bytes.TrimLeft(data, " \t\r\n"); len(rest) > 0 && rest[0] == '{' {
		return splitJSON(data)
	}
	return splitYAML(data)
}

func isText(data []byte) bool { return utf8.Valid(data) && bytes.IndexByte(data, 0) < 0 }

// plain is text as UTF-8 without a byte order mark. Windows PowerShell writes UTF-16 when the
// output of kubectl is redirected into a file.
func plain(data []byte) []byte {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(data, []byte{0xef, 0xbb, 0xbf}):
		return data[3:]
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}):
		order = binary.LittleEndian
	case bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		order = binary.BigEndian
	default:
		return data
	}
	units := make([]uint16, 0, len(data)/2)
	for i := 2; i+1 < len(data); i += 2 {
		units = append(units, order.Uint16(data[i:]))
	}
	return []byte(string(utf16.Decode(units)))
}
