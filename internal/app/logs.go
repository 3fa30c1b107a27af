package app

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy/all"
	"github.com/gatemend/gatemend/internal/signal/logfile"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/source/dump"
	"github.com/gatemend/gatemend/internal/watch"
)

// shownMalformed is how many lines that could not be read are named one by one.
const shownMalformed = 3

// readLogs reads the files of --logs. The pods of the snapshot tell which files are a gateway's.
func readLogs(path string, s *snapshot.Snapshot, formats all.Formats) (watch.LogFiles, error) {
	files, name, closeRoot, err := within(path)
	if err != nil {
		return watch.LogFiles{}, fmt.Errorf("read logs: %w", err)
	}
	signals, report, err := logfile.Read(files, name, logfile.Options{Pod: podNamed(s), Formats: formatsIn(s, formats), Label: label(path, name)})
	if closing := closeRoot(); err == nil && closing != nil {
		err = fmt.Errorf("close %s: %w", path, closing)
	}
	if err != nil {
		return watch.LogFiles{}, err
	}
	return filesOf(signals, report), nil
}

// logsOf reads the logs that were in a dump.
func logsOf(logs []dump.Log, s *snapshot.Snapshot, formats all.Formats) watch.LogFiles {
	byName := podNamed(s)
	formats = formatsIn(s, formats)
	var signals []model.Signal
	var report logfile.Report
	for _, l := range logs {
		pod := func(name string) (*corev1.Pod, bool) {
			if l.Namespace == "" {
				return byName(name)
			}
			p, presence := s.Pods().Get(l.Namespace, name)
			return p, presence == snapshot.Present
		}
		name := dump.LogFile(model.LogExcerpt{Pod: model.Ref{Name: l.Pod}, Container: l.Container, Previous: l.Previous})
		one := logfile.ReadStream(bytes.NewReader(l.Text), name, logfile.Options{Pod: pod, Formats: formats, Label: path.Dir(l.File)}, func(s model.Signal) {
			signals = append(signals, s)
		})
		for i, e := range one.Excerpts {
			if e.Pod.Namespace == "" {
				one.Excerpts[i].Pod.Namespace = l.Namespace
			}
		}
		report.Files = append(report.Files, one.Files...)
		report.Excerpts = append(report.Excerpts, one.Excerpts...)
		report.Malformed = append(report.Malformed, one.Malformed[:min(len(one.Malformed), shownMalformed)]...)
	}
	return filesOf(signals, report)
}

// filesOf is what commands are told of log files.
func filesOf(signals []model.Signal, report logfile.Report) watch.LogFiles {
	got := watch.LogFiles{Signals: signals, Excerpts: report.Excerpts}
	malformed := 0
	for _, f := range report.Files {
		if f.Proxy != "" {
			malformed += f.Malformed
		}
		if f.Error != "" {
			got.Unseen = append(got.Unseen, model.Unseen{What: "the rest of log file " + f.Name, Why: f.Error})
		}
	}
	if malformed > 0 {
		got.Notes = append(got.Notes, fmt.Sprintf("%d lines of gateways' logs are in no known form", malformed))
		for _, m := range report.Malformed[:min(len(report.Malformed), shownMalformed)] {
			got.Notes = append(got.Notes, m.Source+": "+m.Text)
		}
	}
	return got
}

// logsIn finds the folder of logs that 'gatemend dump' writes beside the objects.
func logsIn(dump string) string {
	dir := filepath.Join(dump, "logs")
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) == 0 {
		return "" // a dump without logs, or one that is no folder
	}
	return dir
}

// label is what stands before file names: the folder as it was given.
func label(path, name string) string {
	if name == "." {
		return filepath.ToSlash(filepath.Clean(path))
	}
	return filepath.ToSlash(filepath.Dir(path))
}

// podNamed finds pods by name alone, since the names of log files say no namespace: one of that name, if there is only one.
func podNamed(s *snapshot.Snapshot) func(string) (*corev1.Pod, bool) {
	return func(name string) (*corev1.Pod, bool) {
		var found *corev1.Pod
		for p := range s.Pods().Named(name) {
			if found != nil {
				return nil, false
			}
			found = p
		}
		return found, found != nil
	}
}
