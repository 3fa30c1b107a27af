package tally

import (
	"context"
	"errors"
	"io"
	"sync"
)

// Source gives logs piece by piece. It is used by one goroutine at a time.
type Source interface {
	// Next puts the next lines into c: all its exported fields. Names of files that begin with it, and whether they
	// begin another log, are told first. At the end it returns io.EOF; what could not be read is the source's to remember.
	Next(c *Chunk, begin func(name string, another bool)) error
}

// Run counts all that a source gives, with some goroutines, and returns the sum. It ends early when the context
// does, without an error: what was counted by then counts.
func Run(ctx context.Context, src Source, workers int, o Options, notify Notify) (*Tally, error) {
	counters := make([]*Counter, workers)
	for i := range counters {
		counters[i] = NewCounter(i, o)
	}
	r := &run{source: src, tally: New(counters, notify), free: make(chan *job, workers+1), done: map[int]*job{}}
	for range cap(r.free) {
		r.free <- &job{}
	}
	var wg sync.WaitGroup
	for _, c := range counters {
		wg.Go(func() {
			for ctx.Err() == nil && r.step(c) {
			}
		})
	}
	wg.Wait()
	return r.tally, r.err
}

// job is a chunk on its way.
type job struct {
	Chunk
	begins []begin
}

type begin struct {
	name    string
	another bool
}

// run is a Run under way.
type run struct {
	reading sync.Mutex
	source  Source
	read    int // jobs
	format  string
	err     error // the source's end

	free chan *job

	taking sync.Mutex
	tally  *Tally
	done   map[int]*job // counted, but not yet taken
	taken  int
}

// step reads, counts and takes one chunk, and reports false at the end.
func (r *run) step(c *Counter) bool {
	j := <-r.free
	r.reading.Lock()
	if r.err != nil || r.source == nil {
		r.reading.Unlock()
		r.free <- j
		return false
	}
	j.begins = j.begins[:0]
	j.Text, j.Bytes, j.Idle, j.Cut = j.Text[:0], 0, 0, false
	err := r.source.Next(&j.Chunk, func(name string, another bool) { j.begins = append(j.begins, begin{name, another}) })
	number, format := r.read, r.format
	r.read++
	if err != nil {
		r.source = nil
		if !errors.Is(err, io.EOF) {
			r.err = err
		}
	}
	if len(j.begins) > 0 {
		r.format, format = "", ""
	}
	if format != "" {
		r.reading.Unlock()
		c.Count(&j.Chunk, format)
	} else {
		// While it is not known what the log is written in, the next chunk waits for this one.
		c.Count(&j.Chunk, "")
		r.format = j.format
		r.reading.Unlock()
	}
	r.take(number, j)
	return err == nil
}

// take gives chunks to the tally in the order in which they were read, as far as they are counted.
func (r *run) take(number int, j *job) {
	r.taking.Lock()
	defer r.taking.Unlock()
	r.done[number] = j
	for {
		next, ok := r.done[r.taken]
		if !ok {
			return
		}
		delete(r.done, r.taken)
		r.taken++
		for _, b := range next.begins {
			if b.another {
				r.tally.Begin(b.name)
			}
			r.tally.File(b.name)
		}
		r.tally.Take(&next.Chunk)
		r.free <- next
	}
}
