package nodefile

import (
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// headSize is how many of its first bytes a file is known by. A line of a container log begins with a
// stamp of nanoseconds, so that a few dozen bytes would do.
const headSize = 512

// head is the beginning of a file.
type head struct {
	Size int    `json:"size"` // of the bytes that Hash is of; at most headSize
	Hash uint64 `json:"hash"`
}

func headOf(b []byte) head {
	b = b[:min(len(b), headSize)]
	h := fnv.New64a()
	_, _ = h.Write(b) // never fails
	return head{len(b), h.Sum64()}
}

// member is one file of a log: the one that is written, or a rotated one.
type member struct {
	path    string
	info    os.FileInfo
	order   string // among the rotated ones: later sorts later
	current bool
}

func (m member) zipped() bool { return strings.HasSuffix(m.path, ".gz") }

// members lists the files of a log, the oldest first. A file that is renamed between reading the folder and
// looking at the file of its old name would be left out, so the folder is read until it is found the same twice.
func members(path string) ([]member, error) {
	var before []member
	sure := false
	for range mostLooks {
		all, whole, err := listed(path)
		if err != nil || sure && whole && sameFiles(before, all) {
			return all, err
		}
		before, sure = all, whole
	}
	return nil, errRestless
}

// mostLooks bounds how often a folder is read that is never found the same twice.
const mostLooks = 10

// errRestless means that the files of a log are renamed faster than they can be listed. It passes.
var errRestless = errors.New("its files are being renamed all the time")

// sameFiles reports whether two lists are of the same files, none of the rotated ones longer than before.
func sameFiles(before, after []member) bool {
	return slices.EqualFunc(before, after, func(a, b member) bool {
		return a.path == b.path && os.SameFile(a.info, b.info) && (a.current || a.info.Size() == b.info.Size())
	})
}

// listed reads the folder of a log once. It is not whole if a file went away meanwhile, perhaps to another name.
func listed(path string) (all []member, whole bool, err error) {
	dir, base := filepath.Split(path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, false, err
	}
	whole = true
	found := map[string]member{} // by name without .gz
	for _, e := range entries {
		name := e.Name()
		suffix, ok := strings.CutPrefix(name, base)
		if !ok || suffix != "" && suffix[0] != '.' && suffix[0] != '-' || strings.HasSuffix(name, ".tmp") {
			continue
		}
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			whole = false
			continue
		}
		if !info.Mode().IsRegular() {
			continue
		}
		plain := strings.TrimSuffix(suffix, ".gz")
		if other, twice := found[plain]; twice && !other.zipped() {
			continue // being compressed: the whole one is the surer
		}
		found[plain] = member{path: filepath.Join(dir, name), info: info, order: orderOf(plain, info.ModTime()), current: suffix == ""}
	}
	for _, m := range found {
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b member) int {
		if a.current != b.current {
			if a.current {
				return 1
			}
			return -1
		}
		return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.path, b.path))
	})
	return all, whole, nil
}

// orderOf gives a text that sorts rotated files by age: logrotate's numbers grow with age, the kubelet's
// and logrotate's dates with time.
func orderOf(suffix string, modified time.Time) string {
	text := strings.TrimLeft(suffix, ".-")
	if n, err := strconv.ParseUint(text, 10, 32); err == nil && len(text) < 6 {
		return fmt.Sprintf("%020d", ^uint64(0)-n)
	}
	if strings.ContainsFunc(text, func(r rune) bool { return (r < '0' || r > '9') && r != '-' }) || text == "" {
		return modified.UTC().Format("20060102-150405.000000000")
	}
	return text
}

// holds reports whether a file is the one that begins with h and is at least as long as offset.
func (m member) holds(h head, offset int64) bool {
	got, _ := m.beginning(h.Size)
	return h.Size > 0 && got == h && (m.zipped() || m.info.Size() >= offset)
}

// finished reports whether a file is the one that was left with the head h. One that was left shorter than headSize
// was just that: a longer one that begins so is another.
func (m member) finished(h head) bool {
	got, more := m.beginning(h.Size)
	return h.Size > 0 && got == h && (h.Size == headSize || !more)
}

// beginning gives the head of so many bytes, and whether there are more; no head if the file cannot be read.
func (m member) beginning(size int) (got head, more bool) {
	f, err := os.Open(m.path)
	if err != nil {
		return head{}, false
	}
	defer f.Close()
	var r io.Reader = f
	if m.zipped() {
		if r, err = gzip.NewReader(f); err != nil {
			return head{}, false
		}
	}
	b := make([]byte, size+1)
	n, err := io.ReadFull(r, b)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return head{}, false
	}
	return headOf(b[:min(n, size)]), n > size
}
