package logfile

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy/all"
)

// Options of reading. The zero value knows no pods and goes by the content of files alone.
type Options struct {
	// Pod finds a pod by its name, in whatever namespace, and reports whether there is just one.
	// nil: there are none.
	Pod func(name string) (*corev1.Pod, bool)
	// Formats are what people told of gateways' logs; that of a file whose pod is not known is found out with them.
	Formats all.Formats
	// Tail is how many lines are kept of an application's log; 0 means 200.
	Tail int
	// Malformed is how many lines that no parser knows are named in the report; 0 means 20. All are
	// counted.
	Malformed int
	// Label is put before file names in Source and in the report: the folder as the user typed it.
	Label string
}

func (o Options) withDefaults() Options {
	if o.Pod == nil {
		o.Pod = func(string) (*corev1.Pod, bool) { return nil, false }
	}
	if o.Tail == 0 {
		o.Tail = 200
	}
	if o.Malformed == 0 {
		o.Malformed = 20
	}
	return o
}

// Report says what was read.
type Report struct {
	Files []File `json:"files"`
	// Excerpts are the ends of the logs of containers that are no gateways, and of gateways the last
	// lines that are about no request and may say what is wrong.
	Excerpts []model.LogExcerpt `json:"excerpts,omitempty"`
	// Malformed names the first lines that no parser knows.
	Malformed []Malformed `json:"malformed,omitempty"`
}

// File is what was found in one file.
type File struct {
	Name      string `json:"name"`
	Pod       string `json:"pod,omitempty"`
	Container string `json:"container,omitempty"`
	Previous  bool   `json:"previous,omitempty"`
	Proxy     string `json:"proxy,omitempty"` // empty: not a gateway's log
	Bytes     int64  `json:"bytes"`           // after decompression
	Lines     int    `json:"lines"`
	Requests  int    `json:"requests"` // access lines
	Errors    int    `json:"errors"`   // lines of an error log
	Events    int    `json:"events"`   // other lines that are known
	Malformed int    `json:"malformed"`
	// Truncated is set if the last line has no end, as in a file that was copied while written. The
	// line is used if it can be read, else it is dropped and not counted as malformed.
	Truncated bool `json:"truncated,omitempty"`
	// Error is set if reading stopped before the end.
	Error string `json:"error,omitempty"`
}

// Malformed is a line that no parser knows.
type Malformed struct {
	Source string `json:"source"` // file:line
	Text   string `json:"text"`   // its beginning, without credentials
}
