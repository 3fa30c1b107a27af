package nodefile

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
)

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
	again  bool   // it is the file that was read before, by another name
	broken bool   // it could not be read on
	skip   bool   // the rest of a line that is too long is passed over
	head   head   // of what was taken
	// beginning is what was read of the first headSize bytes. It is kept, as the file may have been cut and
	// written anew by the time a line is taken, and its bytes on disk be others.
	beginning []byte
}

// errOther means that a file is no longer the one that is looked for: it was renamed or cut in between.
var errOther = errors.New("it is another file by now")

// open opens a member at its start.
func (m member) open() (*opened, error) { return m.reopen(head{}, 0) }

// reopen opens the member that begins with h at an offset of what it holds.
func (m member) reopen(h head, offset int64) (*opened, error) {
	f, err := os.Open(m.path)
	if err != nil {
		return nil, err
	}
	o := &opened{path: m.path, file: f, zipped: m.zipped(), offset: offset, head: h}
	if err := o.start(h); err != nil {
		f.Close()
		return nil, fmt.Errorf("open %s: %w", m.path, err)
	}
	return o, nil
}

// start makes the reader of a file that was opened, if it begins with h.
func (o *opened) start(h head) (err error) {
	if o.info, err = o.file.Stat(); err != nil {
		return err
	}
	if o.zipped {
		return o.unzip(h)
	}
	o.beginning = make([]byte, max(int(min(o.offset, headSize)), h.Size))
	n, err := o.file.ReadAt(o.beginning, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if n < len(o.beginning) || headOf(o.beginning[:h.Size]) != h && h.Size > 0 || o.info.Size() < o.offset {
		return errOther
	}
	o.reader = io.NewSectionReader(o.file, o.offset, 1<<62-o.offset)
	return nil
}

// unzip makes the reader of a compressed file, if it begins with h, and takes its head.
func (o *opened) unzip(h head) error {
	z, err := gzip.NewReader(o.file)
	if err != nil {
		return err
	}
	beginning := make([]byte, headSize)
	n, err := io.ReadFull(z, beginning)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return err
	}
	if h.Size > n || h.Size > 0 && headOf(beginning[:h.Size]) != h {
		return errOther
	}
	o.head = headOf(beginning[:n])
	o.reader = io.MultiReader(bytes.NewReader(beginning[:n]), z)
	if _, err := io.CopyN(io.Discard, o.reader, o.offset); err != nil {
		return err
	}
	return nil
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
		if err := o.fill(scratch); err != nil {
			return nil, err
		}
	}
}

// fill reads on by what scratch has room for.
func (o *opened) fill(scratch []byte) error {
	n, err := o.reader.Read(scratch)
	if n == 0 {
		if err == nil {
			err = io.ErrNoProgress
		}
		return err
	}
	if from, have := o.offset+int64(len(o.buffer)), int64(len(o.beginning)); from <= have && have < min(from+int64(n), headSize) {
		o.beginning = append(o.beginning, scratch[have-from:min(from+int64(n), headSize)-from]...)
	}
	if !o.begins() { // asked after reading: before, it could be cut in between, or while it was read
		return errCut
	}
	o.store = append(append(o.store[:0], o.buffer...), scratch[:n]...)
	o.buffer = o.store
	return nil
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

// more reports whether there is more in the file than was read of it.
func (o *opened) more() bool {
	if o.zipped || o.broken {
		return false
	}
	info, err := o.file.Stat()
	return err == nil && info.Size() > o.offset+int64(len(o.buffer))
}

// begun gives the head of what was read, taken or not.
func (o *opened) begun() head {
	if o.zipped {
		return o.head
	}
	return headOf(o.beginning)
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
