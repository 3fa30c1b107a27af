package nodefile

import (
	"bytes"
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

// readHead reads the first bytes of a file, up to size.
func readHead(r io.ReaderAt, size int) (head, error) {
	b := make([]byte, size)
	n, err := r.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return head{}, err
	}
	return headOf(b[:n]), nil
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
	all, err := listed(path)
	for range mostLooks {
		before := all
		if all, err = listed(path); err != nil || slices.EqualFunc(before, all, func(a, b member) bool {
			return a.path == b.path && os.SameFile(a.info, b.info)
		}) {
			break
		}
	}
	return all, err
}

// mostLooks bounds how often a folder is read that is never found the same twice.
const mostLooks = 10

// listed reads the folder of a log once.
func listed(path string) ([]member, error) {
	dir, base := filepath.Split(path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	found := map[string]member{} // by name without .gz
	for _, e := range entries {
		name := e.Name()
		suffix, ok := strings.CutPrefix(name, base)
		if !ok || suffix != "" && suffix[0] != '.' && suffix[0] != '-' || strings.HasSuffix(name, ".tmp") {
			continue
		}
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || !info.Mode().IsRegular() {
			continue // it went away in between
		}
		plain := strings.TrimSuffix(suffix, ".gz")
		if other, twice := found[plain]; twice && !other.zipped() {
			continue // being compressed: the whole one is the surer
		}
		found[plain] = member{path: filepath.Join(dir, name), info: info, order: orderOf(plain, info.ModTime()), current: suffix == ""}
	}
	var all []member
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
	return all, nil
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
	if h.Size == 0 {
		return false
	}
	f, err := os.Open(m.path)
	if err != nil {
		return false
	}
	defer f.Close()
	if !m.zipped() {
		got, err := readHead(f, h.Size)
		return err == nil && got == h && m.info.Size() >= offset
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		return false
	}
	b := make([]byte, h.Size)
	_, err = io.ReadFull(z, b)
	return err == nil && headOf(b) == h
}

// open opens a member at an offset of what it holds.
func (m member) open(offset int64) (*opened, error) {
	f, err := os.Open(m.path)
	if err != nil {
		return nil, err
	}
	o := &opened{path: m.path, file: f, zipped: m.zipped(), offset: offset}
	if o.info, err = f.Stat(); err != nil {
		f.Close()
		return nil, err
	}
	if !o.zipped {
		o.beginning = make([]byte, min(offset, headSize))
		if _, err := f.ReadAt(o.beginning, 0); err != nil {
			f.Close()
			return nil, fmt.Errorf("read the beginning of %s: %w", m.path, err)
		}
		o.reader = io.NewSectionReader(f, offset, 1<<62-offset)
		return o, nil
	}
	if err := o.unzip(); err != nil {
		f.Close()
		return nil, fmt.Errorf("decompress %s: %w", m.path, err)
	}
	return o, nil
}

// unzip makes the reader of a compressed file and takes its head.
func (o *opened) unzip() error {
	z, err := gzip.NewReader(o.file)
	if err != nil {
		return err
	}
	beginning := make([]byte, headSize)
	n, err := io.ReadFull(z, beginning)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return err
	}
	o.head = headOf(beginning[:n])
	o.reader = io.MultiReader(bytes.NewReader(beginning[:n]), z)
	if _, err := io.CopyN(io.Discard, o.reader, o.offset); err != nil {
		return err
	}
	return nil
}

// opened is a file that is being read.
type opened struct {
	path   string // as it was called when it was opened
	file   *os.File
	info   os.FileInfo
	reader io.Reader
	zipped bool
	offset int64  // behind the last complete line that was taken
	buffer []byte // read and not taken yet
	store  []byte // what buffer is a part of
	skip   bool   // the rest of a line that is too long is passed over
	head   head   // of what was taken
	// beginning is what was read of the first headSize bytes. It is kept, as the file may have been cut and
	// written anew by the time a line is taken, and its bytes on disk be others.
	beginning []byte
}

// errCut means that a file is no longer what was read: it was cut, and perhaps written anew.
var errCut = errors.New("the file was truncated")

// chunk is how much is read at once.
const chunk = 64 << 10

// next returns the next complete line without its end, valid until the next call; io.EOF when there is
// none yet, errCut when what comes next is not of the file that was begun. scratch is room for what is read.
func (o *opened) next(scratch []byte) ([]byte, error) {
	for {
		if i := bytes.IndexByte(o.buffer, '\n'); i >= 0 {
			line := o.buffer[:i]
			o.buffer = o.buffer[i+1:]
			o.offset += int64(i + 1)
			if o.skip {
				o.skip = false
				continue
			}
			return line, nil
		}
		if len(o.buffer) >= maxLine {
			o.offset += int64(len(o.buffer))
			o.buffer, o.skip = o.buffer[:0], true
		}
		n, err := o.reader.Read(scratch)
		if n > 0 {
			if !o.begins() { // asked after reading: before, it could be cut in between
				return nil, errCut
			}
			if o.offset+int64(len(o.buffer)) == int64(len(o.beginning)) {
				o.beginning = append(o.beginning, scratch[:min(n, headSize-len(o.beginning))]...)
			}
			o.store = append(append(o.store[:0], o.buffer...), scratch[:n]...)
			o.buffer = o.store
		}
		if n == 0 {
			if err == nil {
				err = io.ErrNoProgress
			}
			return nil, err
		}
	}
}

// rest is a last line without an end, of a file to which nothing is written any more.
func (o *opened) rest() []byte {
	line := o.buffer
	o.offset += int64(len(line))
	o.buffer = nil
	if o.skip {
		return nil
	}
	return line
}

// known gives the head by which the file is known, which grows with what was taken until it is headSize.
func (o *opened) known() head {
	if want := int(min(o.offset, headSize)); o.head.Size < want && !o.zipped {
		o.head = headOf(o.beginning[:want])
	}
	return o.head
}

// truncated reports whether the file is no longer what was read: it was cut, and perhaps written anew.
func (o *opened) truncated() bool {
	if o.zipped {
		return false
	}
	info, err := o.file.Stat()
	if err != nil || info.Size() == o.info.Size() && info.ModTime().Equal(o.info.ModTime()) {
		return false
	}
	o.info = info
	return info.Size() < o.offset+int64(len(o.buffer)) || !o.begins()
}

// begins reports whether the file still begins with what was read of it.
func (o *opened) begins() bool {
	if o.zipped || len(o.beginning) == 0 {
		return true
	}
	var b [headSize]byte
	n, err := o.file.ReadAt(b[:len(o.beginning)], 0)
	return err != nil && !errors.Is(err, io.EOF) || bytes.Equal(b[:n], o.beginning)
}
