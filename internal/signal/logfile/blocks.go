package logfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// blockSize is how much is read at once. What is done once for each block, such as handing over what was counted in its seconds, wants it large;
// but with 1 MiB, which a processor's second cache does not hold beside all counts, counting a log takes 6 % longer.
const blockSize = 256 << 10

// wrapLines is how many of the first lines may tell that a log is wrapped: what kubectl says of itself may stand before it, such as which
// container it chose.
const wrapLines = 10

// Input is a log that Blocks reads.
type Input struct {
	Name string
	Open func() (io.ReadCloser, error)
	// Another is set if it does not go on where the input before it ends, as a rotated file does.
	Another bool
	// Live is set if lines are wanted as soon as they are there.
	Live bool
}

// Blocks reads logs as blocks of whole lines, decompressed, and without what a container runtime puts around them. A line
// that a runtime split is in the place of its last part, with an empty line for each other one; so the
// numbers of lines are those of the file. What is beyond the length of a possible line is left out.
//
// An input is one log, or what kubectl logs --prefix wrote of the pods of one workload. It is given up where the lines of another
// container begin, as these are another log: whoever counts both would count a request at the gateway and again behind it.
type Blocks struct {
	inputs []Input
	next   int

	open      io.Closer // nil: none
	from      io.Reader
	carry     []byte // the begin of a line
	scratch   []byte
	skip      bool // the rest of a line that is too long
	fresh     bool // nothing was read yet
	hole      bool // nothing but bytes of 0, which stand where a log was cut while its writer went on behind them
	unsure    int  // lines that may yet tell that it is wrapped
	wrapped   bool
	of        source // whose lines have a prefix; zero: no line had one
	unwrapper Unwrapper
	unread    []Unread
}

// Block says where a block comes from.
type Block struct {
	Input int  // index
	Bytes int  // read for it
	Cut   bool // the last line has no end
	// Stamps are when the container runtime got each line, in nanoseconds since 1970; 0 where it does not say. They may be
	// fewer than the lines, and none where no runtime stands between.
	Stamps []int64
}

// Unread is an input that could not be read to its end, or at all. Where that was, whoever takes the blocks knows best: counting
// lines here as well would take two hundredths of the time that counting a log takes.
type Unread struct {
	Input int // index
	Err   error
}

// NewBlocks returns a reader of inputs, one after the other.
func NewBlocks(inputs []Input) *Blocks { return &Blocks{inputs: inputs} }

// Close closes the input that is open, for those who do not read to the end.
func (b *Blocks) Close() { b.close() }

// Unread says what could not be read so far.
func (b *Blocks) Unread() []Unread { return b.unread }

// Next appends the next lines to into, which should be empty. begin is told the index of each input that begins with
// them. At the end of all it returns io.EOF, perhaps with lines.
func (b *Blocks) Next(into []byte, begin func(input int)) ([]byte, Block, error) {
	for b.open == nil {
		if b.next == len(b.inputs) {
			return into, Block{}, io.EOF
		}
		b.next++
		begin(b.next - 1)
		if err := b.start(b.inputs[b.next-1]); err != nil {
			b.fail(err)
		}
	}
	at := Block{Input: b.next - 1}
	to := &into
	if b.wrapped || b.unsure > 0 {
		b.scratch = b.scratch[:0]
		to = &b.scratch
	}
	done := b.fill(to, &at)
	text := *to
	if b.fresh {
		text = bytes.TrimPrefix(text, mark())
		b.fresh = len(text) == 0
	}
	if to == &b.scratch {
		b.look(text)
		var cut bool
		var err error
		into, cut, err = b.unwrapAll(into, text, done && !b.goesOn(), &at.Stamps)
		at.Cut = (at.Cut || cut) && err == nil
		if err != nil {
			b.fail(err)
		}
	}
	if done {
		b.close()
	}
	return into, at, nil
}

func (b *Blocks) start(in Input) error {
	b.carry, b.skip, b.fresh, b.hole, b.unsure, b.wrapped = b.carry[:0], false, true, true, wrapLines, false
	if in.Another {
		b.unwrapper, b.of = Unwrapper{}, source{} // else a line that was split goes on in this file
	}
	f, err := in.Open()
	if err != nil {
		return err
	}
	b.open = f
	if in.Live {
		b.from = f // nobody follows a compressed file
		return nil
	}
	b.from, err = decompress(bufio.NewReader(f)) // which is not in the way of reads that are larger than its buffer
	return err
}

func (b *Blocks) close() {
	if b.open != nil {
		_ = b.open.Close() // it was only read
		b.open = nil
	}
}

// fail gives an input up.
func (b *Blocks) fail(err error) {
	b.unread = append(b.unread, Unread{b.next - 1, err})
	b.close()
}

// fill reads whole lines, and reports true at the end of the input.
func (b *Blocks) fill(to *[]byte, at *Block) (done bool) {
	text := append(*to, b.carry...)
	begin := len(text) - len(b.carry)
	b.carry = b.carry[:0]
	if cap(text)-begin < blockSize+maxLine {
		text = append(make([]byte, 0, blockSize+maxLine), text[begin:]...)
		begin = 0
	}
	ended := false
	for len(text)-begin < blockSize+maxLine {
		room := begin + blockSize // more only for a line that is longer
		if len(text) >= room {
			room += maxLine
		}
		n, err := b.from.Read(text[len(text):room])
		at.Bytes += n
		fresh := text[len(text) : len(text)+n]
		if b.skip || b.hole {
			fresh = b.leaveOut(fresh)
			n = copy(text[len(text):cap(text)], fresh)
		}
		text = text[:len(text)+n]
		ended = ended || bytes.IndexByte(fresh, '\n') >= 0
		if err != nil {
			if !errors.Is(err, io.EOF) {
				b.fail(err)
			}
			at.Cut = len(text) > begin && text[len(text)-1] != '\n'
			*to = text[begin:]
			return true
		}
		if ended && (len(text)-begin >= blockSize || b.inputs[b.next-1].Live) {
			break
		}
	}
	text = text[begin:]
	end := bytes.LastIndexByte(text, '\n') + 1
	if end == 0 { // a line without an end
		text[maxLine] = '\n'
		*to, b.skip = text[:maxLine+1], true
		return false
	}
	b.carry = append(b.carry, text[end:]...)
	*to = text[:end]
	return false
}

// leaveOut leaves out the hole with which a log begins, and what belongs to a line that was given up.
func (b *Blocks) leaveOut(text []byte) []byte {
	if b.hole {
		text = bytes.TrimLeft(text, "\x00")
		b.hole = len(text) == 0
	}
	if !b.skip {
		return text
	}
	i := bytes.IndexByte(text, '\n')
	if i < 0 {
		return nil
	}
	b.skip = false
	return text[i+1:]
}

// look finds out whether the log is wrapped, while its first lines are read.
func (b *Blocks) look(text []byte) {
	for line := range bytes.Lines(text) {
		if b.wrapped || b.unsure == 0 {
			break
		}
		b.unsure--
		b.wrapped = isWrapped(bytes.TrimSuffix(line, []byte{'\n'}))
	}
}

// isWrapped reports whether a line looks like one that a container runtime or kubectl wrote.
func isWrapped(line []byte) bool {
	_, _, _, _, is := cri(line)
	_, _, _, by := prefixed(line)
	_, _, at := stamped(line)
	return is || by || at || bytes.HasPrefix(line, []byte(`{"log":`))
}

// goesOn reports whether the next input goes on where this one ends.
func (b *Blocks) goesOn() bool { return b.next < len(b.inputs) && !b.inputs[b.next].Another }

// unwrapAll appends the lines of text to into, unwrapped if they are wrapped. At the end of a log it also appends what there
// is of a line whose end never came, if it can in the place of its last part, and reports true. It stops with an error before a line of
// another log.
func (b *Blocks) unwrapAll(into, text []byte, last bool, stamps *[]int64) (all []byte, cut bool, err error) {
	if !b.wrapped {
		return append(into, text...), false, nil
	}
	*stamps = slices.Grow((*stamps)[:0], bytes.Count(text, []byte{'\n'})+1)
	whole := true
	for line := range bytes.Lines(text) {
		line, ended := bytes.CutSuffix(line, []byte{'\n'})
		if pod, container, rest, is := prefixed(line); is {
			if err := b.belongs(pod, container); err != nil {
				b.unwrapper = Unwrapper{}
				return into, false, err
			}
			line = rest
		}
		var at time.Time
		if line, at, whole = b.unwrapper.Unwrap(line); whole {
			into = append(into, line...)
		}
		*stamps = append(*stamps, stampOf(at))
		if ended {
			into = append(into, '\n')
		}
	}
	if !last || !b.unwrapper.Pending() {
		return into, false, nil
	}
	if !whole && text[len(text)-1] == '\n' {
		into = into[:len(into)-1]
	}
	for _, part := range b.unwrapper.Rest() {
		if len(into) > 0 && into[len(into)-1] != '\n' {
			into = append(into, '\n')
		}
		into = append(into, part...)
	}
	return into, true, nil
}

// stampOf is a time as [Block] has it.
func stampOf(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.UnixNano()
}

// belongs says why a container's lines do not belong to the log, if they do not.
func (b *Blocks) belongs(pod, container []byte) error {
	if string(pod) == b.of.pod && string(container) == b.of.container {
		return nil
	}
	of := source{string(pod), string(container)}
	if b.of != (source{}) && !b.of.replica(of) {
		return fmt.Errorf("lines of %s follow those of %s, and one log is of one container: "+
			"give what kubectl logs POD -c CONTAINER prints of the gateway, or read all of them with gatemend diagnose --logs", of, b.of)
	}
	b.of = of // the next line is mostly of the same one
	return nil
}
