package logfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
)

// Read reads a file, or all log files below a folder, in the order of their names. See [Walk].
func Read(fsys fs.FS, root string, o Options) ([]model.Signal, Report, error) {
	var signals []model.Signal
	report, err := Walk(fsys, root, o, func(s model.Signal) { signals = append(signals, s) })
	return signals, report, err
}

// Walk reads a file, or all log files (.log, .txt, and these with .gz or .zst) below a folder, in the order of
// their names, and hands over each signal as it is read. It fails only if root does not exist or holds no logs; what goes
// wrong within a file stands in the report.
func Walk(fsys fs.FS, root string, o Options, emit func(model.Signal)) (Report, error) {
	o = o.withDefaults()
	info, err := fs.Stat(fsys, root)
	if err != nil {
		return Report{}, fmt.Errorf("read logs: %w", err)
	}
	var names []string
	if !info.IsDir() {
		names = []string{root}
	} else if names, err = list(fsys, root); err != nil {
		return Report{}, fmt.Errorf("list logs in %q: %w", root, err)
	}
	if len(names) == 0 {
		return Report{}, fmt.Errorf("read logs in %q: %w", root, ErrNoLogs)
	}
	var report Report
	for _, name := range names {
		readFile(fsys, name, o, &report, emit)
	}
	return report, nil
}

// ErrNoLogs means that a folder holds no file with the name of a log.
var ErrNoLogs = errors.New("no .log files")

func list(fsys fs.FS, root string) ([]string, error) {
	var names []string
	err := fs.WalkDir(fsys, root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !d.IsDir() && isLog(name) {
			names = append(names, name)
		}
		return nil
	})
	return names, err
}

// uncompressed is the name of a file without the end that says how it is compressed.
func uncompressed(name string) string {
	for _, end := range compressed() {
		name = strings.TrimSuffix(name, end)
	}
	return name
}

func isLog(name string) bool {
	switch path.Ext(uncompressed(name)) {
	case ".log", ".txt":
		return true
	default:
		return false
	}
}

func readFile(fsys fs.FS, name string, o Options, report *Report, emit func(model.Signal)) {
	f, err := fsys.Open(name)
	if err != nil {
		report.Files = append(report.Files, File{Name: label(o, name), Error: err.Error()})
		return
	}
	defer f.Close()
	readStream(f, name, o, report, emit)
}

// ReadStream reads one log that is no file, such as standard input, under the given name.
func ReadStream(r io.Reader, name string, o Options, emit func(model.Signal)) Report {
	var report Report
	readStream(r, name, o.withDefaults(), &report, emit)
	return report
}

func label(o Options, name string) string {
	return path.Join(o.Label, name)
}
