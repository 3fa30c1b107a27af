package dump

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/snapshot/redact"
)

// WriteOptions of a write.
type WriteOptions struct {
	// Logs are written beside the objects, in the folder logs, as POD_CONTAINER.log.
	Logs []model.LogExcerpt
	// Force lets the dump be written into a folder that is not empty. Files of a former dump that
	// this one does not replace stay, so that a reader may find them: choose an empty folder.
	Force bool
}

// ErrNotEmpty means that a folder holds something already.
var ErrNotEmpty = errors.New("the folder is not empty")

// logFolder is where a dump keeps logs.
const logFolder = "logs"

// Write makes a folder of a snapshot: one file per kind, an index that says what was looked for,
// and logs. Nothing secret goes in, see package redact. The folder is made if need be, for its owner
// only: even without secrets, a cluster's objects tell more than strangers should know.
func Write(dir string, s *snapshot.Snapshot, opt WriteOptions) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("write dump: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("write dump: %w", err)
	}
	defer root.Close()
	if err := empty(root); err != nil && (!opt.Force || !errors.Is(err, ErrNotEmpty)) {
		return fmt.Errorf("write dump to %s: %w", dir, err)
	}
	x := index{APIVersion: indexVersion, Kind: indexKind, At: s.At().UTC(), Notes: s.Notes()}
	for _, k := range snapshot.Kinds() {
		n, err := writeKind(root, s, k)
		if err != nil {
			return fmt.Errorf("write dump to %s: %w", dir, err)
		}
		x.Kinds = append(x.Kinds, entryOf(s, k, n))
	}
	if err := writeLogs(root, opt.Logs); err != nil {
		return fmt.Errorf("write dump to %s: %w", dir, err)
	}
	// The index comes last: a dump that was interrupted has none, and is read with the caution that
	// any pile of files is read with.
	data, err := yaml.Marshal(x)
	if err != nil {
		return fmt.Errorf("write dump to %s: encode index: %w", dir, err)
	}
	if err := root.WriteFile(indexFile, data, 0o600); err != nil {
		return fmt.Errorf("write dump to %s: %w", dir, err)
	}
	return nil
}

// empty checks that there is nothing in a folder.
func empty(root *os.Root) error {
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return ErrNotEmpty
	}
	return nil
}

func entryOf(s *snapshot.Snapshot, k snapshot.Kind, count int) entry {
	e := entry{Kind: k, Count: count}
	if k == snapshot.Secrets {
		e.Coverage, e.Why = snapshot.NotRead.String(), "dumps hold no Secrets"
		return e
	}
	c, why := s.Coverage(k)
	e.Coverage, e.Why, e.Namespace = c.String(), why, s.Scope(k)
	return e
}

// writeKind writes the objects of one kind, as many documents in one file.
func writeKind(root *os.Root, s *snapshot.Snapshot, k snapshot.Kind) (int, error) {
	if k == snapshot.Secrets {
		return 0, nil // no names, no keys: nothing that could be held against whoever shares a dump
	}
	var out bytes.Buffer
	n := 0
	for o := range s.AllOf(k) {
		data, err := document(o)
		if err != nil {
			return 0, err
		}
		out.WriteString("---\n")
		out.Write(data)
		n++
	}
	if n == 0 {
		return 0, nil
	}
	return n, root.WriteFile(fileOf(k), out.Bytes(), 0o600)
}

// fileOf is the file of a kind: httproute.yaml.
func fileOf(k snapshot.Kind) string { return strings.ToLower(string(k)) + ".yaml" }

// document is an object as YAML, redacted.
func document(o metav1.Object) ([]byte, error) {
	clean, err := redact.Object(o)
	if err != nil {
		return nil, err
	}
	data, err := yaml.JSONToYAML(clean)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", snapshot.RefOf(o), err)
	}
	return data, nil
}

// writeLogs writes the ends of logs.
func writeLogs(root *os.Root, logs []model.LogExcerpt) error {
	if len(logs) == 0 {
		return nil
	}
	if err := root.MkdirAll(logFolder, 0o700); err != nil {
		return err
	}
	taken := map[string]bool{}
	for _, l := range logs {
		name := LogFile(l)
		if taken[name] {
			// Pods of one name in two namespaces: the second one's log gets a folder of its own.
			name = filepath.Join(l.Pod.Namespace, name)
			if err := root.MkdirAll(filepath.Join(logFolder, l.Pod.Namespace), 0o700); err != nil {
				return err
			}
		}
		taken[name] = true
		lines := slices.Clone(l.Lines)
		for i := range lines {
			lines[i] = redact.Line(lines[i])
		}
		text := strings.Join(lines, "\n") + "\n"
		if err := root.WriteFile(filepath.Join(logFolder, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// LogFile is the name of a log's file: POD_CONTAINER.log, or .previous.log for the container before
// the last restart. Neither name can hold an underscore, so that it can be taken apart.
func LogFile(l model.LogExcerpt) string {
	if l.Previous {
		return l.Pod.Name + "_" + l.Container + ".previous.log"
	}
	return l.Pod.Name + "_" + l.Container + ".log"
}
