package dump

import (
	"runtime"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/source/dump/typed"
)

// A pipeline decodes on all cores what one goroutine reads, and has it added in the order of the files:
//
//	reader --piece--> batch --> decoders --> adder --> collector
//
// Texts are copied into batches, and batches are used again, so that only a few of them are ever in memory.
type pipeline struct {
	work    chan *batch
	ordered chan step
	free    chan *batch
	open    *batch // being filled
	ended   sync.WaitGroup
}

// step is something to be done in the order of the files: a batch to be added, or else a function.
type step struct {
	batch *batch
	do    func()
}

// batch are pieces that are decoded together.
type batch struct {
	text   []byte
	pieces []piece
	out    []decoded
	ready  chan struct{}
}

// piece is the text of one object, and where it stands.
type piece struct {
	list     *list
	line     int // of its first line in the file, from 1
	from, to int // in the text of the batch
	json     bool
	nested   int // in how many lists that are objects themselves
}

// A batch is full at so many bytes or pieces.
const (
	batchBytes  = 256 << 10
	batchPieces = 256
)

// start starts the decoders, and the goroutine that hands on what they made to add.
func start(add func(decoded)) *pipeline {
	decoders := runtime.GOMAXPROCS(0)
	p := &pipeline{work: make(chan *batch, decoders), ordered: make(chan step, 2*decoders), free: make(chan *batch, 4*decoders)}
	for range decoders {
		p.ended.Go(func() {
			d := newDecoder()
			for b := range p.work {
				for _, piece := range b.pieces {
					b.out = append(b.out, d.decode(piece, b.text[piece.from:piece.to])...)
				}
				b.ready <- struct{}{}
			}
		})
	}
	p.ended.Go(func() {
		for s := range p.ordered {
			if s.batch == nil {
				s.do()
				continue
			}
			<-s.batch.ready
			for _, o := range s.batch.out {
				add(o)
			}
			p.recycle(s.batch)
		}
	})
	return p
}

// put adds a piece to the batch that is being filled.
func (p *pipeline) put(l *list, line int, text []byte, json bool) {
	if b := p.open; b != nil && (len(b.text)+len(text) > batchBytes || len(b.pieces) == batchPieces) {
		p.flush()
	}
	if p.open == nil {
		select {
		case p.open = <-p.free:
		default:
			p.open = &batch{ready: make(chan struct{}, 1)}
		}
	}
	b := p.open
	from := len(b.text)
	b.text = append(b.text, text...)
	b.pieces = append(b.pieces, piece{list: l, line: line, from: from, to: len(b.text), json: json})
}

func (p *pipeline) flush() {
	if b := p.open; b != nil {
		p.open = nil
		p.work <- b
		p.ordered <- step{batch: b}
	}
}

// recycle keeps a batch for later, unless a large object made it large.
func (p *pipeline) recycle(b *batch) {
	clear(b.out)
	b.text, b.pieces, b.out = b.text[:0], b.pieces[:0], b.out[:0]
	if cap(b.text) > 2*batchBytes {
		return
	}
	select {
	case p.free <- b:
	default:
	}
}

// then has something done after all that was put so far has been added.
func (p *pipeline) then(do func()) {
	p.flush()
	p.ordered <- step{do: do}
}

// end waits until everything is done.
func (p *pipeline) end() {
	p.flush()
	close(p.work)
	close(p.ordered)
	p.ended.Wait()
}

// decoded is what became of a piece of text.
type decoded struct {
	line   int
	object metav1.Object
	kind   string    // of the object, also where it could not be decoded
	latest time.Time // the newest time that it tells of
	index  *index    // instead of an object: the index of a dump
	list   *list     // instead of an object: the end of a list that was an item itself
	fault  *fault
}

// decoder decodes pieces.
type decoder struct {
	typed  *typed.Decoder
	spare  map[metav1.TypeMeta][]metav1.Object // empty objects by kind
	passed string                              // the newest time in managed fields that were passed over
}
