package proxy

import (
	"embed"
	"io/fs"
)

//go:embed */signatures.txt
var signatures embed.FS

// Signatures holds, for each proxy's folder, the file signatures.txt: what the proxy writes when a request
// fails, and what that means. Package signature reads them.
func Signatures() fs.FS { return signatures }
