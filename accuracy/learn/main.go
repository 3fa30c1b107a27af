// Command learn learns which words speak for which causes, of the sentences of internal/proxy/likeness/told.txt, of the
// catalogue's pages and of reported cases, and writes internal/proxy/likeness/learnt.txt. Before that it says how good
// the answers of 'gatemend explain' are for cases that were kept from the learning: each fifth of them, by lot, is asked
// what the other four and the sentences have taught.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gatemend/gatemend/accuracy/reported"
	"github.com/gatemend/gatemend/internal/catalogue"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy/likeness"
	"github.com/gatemend/gatemend/internal/proxy/signature"
)

const folder = "internal/proxy/likeness"

// parts is into how many parts the cases are split.
const parts = 5

func main() {
	measure := flag.Bool("measure", false, "only say how good the answers are; write nothing")
	kept := flag.Bool("kept", false, "measure each folder with what all the others teach, in place of fifths")
	verbose := flag.Bool("v", false, "say of each wrong answer what came instead")
	flag.Parse()
	if err := run(os.Stdout, options{flag.Args(), *measure, *kept, *verbose}); err != nil {
		fmt.Fprintln(os.Stderr, "learn:", err)
		os.Exit(3)
	}
}

type options struct {
	folders                []string
	measure, kept, verbose bool
}

// lesson is a case, with the folder it is from.
type lesson struct {
	reported.Case
	folder  string
	example likeness.Example
}

// part is the part of which the case is, by lot: always the same one for its name.
func (l lesson) part() int { return int(crc32.ChecksumIEEE([]byte(l.ID)) % parts) }

func run(out io.Writer, o options) error {
	told, err := os.ReadFile(filepath.Join(folder, "told.txt"))
	if err != nil {
		return err
	}
	sentences := append(likeness.Told(string(told)), pages()...)
	m := signature.Load().Matcher()
	var lessons []lesson
	for _, dir := range o.folders {
		cases, err := reported.Read(dir)
		if err != nil {
			return err
		}
		for _, c := range cases {
			lessons = append(lessons, lesson{c, dir, likeness.Example{Lines: m.Prose(c.Text()), Causes: c.Causes()}})
		}
	}
	tallies := map[string]*tally{}
	for _, asked := range o.exams() {
		o.exam(out, m, sentences, lessons, asked, tallies)
	}
	for _, dir := range o.folders {
		if t := tallies[dir]; t != nil {
			fmt.Fprintf(out, "%-24s %4d cases kept, first cause right %3d (%.0f%%), among the first three %3d (%.0f%%)\n",
				dir, t.cases, t.first, percent(t.first, t.cases), t.three, percent(t.three, t.cases))
		}
	}
	if o.measure {
		return nil
	}
	var text bytes.Buffer
	if err := likeness.Learn(with(sentences, lessons)).Write(&text); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "learnt.txt"), text.Bytes(), 0o644)
}

// pages are the sentences of the catalogue's pages, but for those that tell what a cause is not.
func pages() []likeness.Example {
	var out []likeness.Example
	for _, c := range catalogue.Causes() {
		for section := range strings.SplitSeq(c.Text, "\n## ") {
			heading, text, _ := strings.Cut(section, "\n")
			if heading == notThis {
				continue
			}
			text = strings.Join(strings.Fields(text), " ")
			for sentence := range strings.SplitSeq(text, ". ") {
				out = append(out, likeness.Example{Lines: []string{sentence}, Causes: []model.CauseID{c.ID}})
			}
		}
	}
	return out
}

// notThis is the heading of the part of a page that tells what a cause is not.
const notThis = "Not this if"

// exams says of each exam which cases are asked in it.
func (o options) exams() []func(lesson) bool {
	var out []func(lesson) bool
	if o.kept {
		for _, dir := range o.folders {
			out = append(out, func(l lesson) bool { return l.folder == dir })
		}
		return out
	}
	for i := range parts {
		out = append(out, func(l lesson) bool { return l.part() == i })
	}
	return out
}

// tally counts answers: how many were asked, right at first, and right among the first three.
type tally struct{ cases, first, three int }

// exam asks some cases after learning of the others, and counts the answers by folder.
func (o options) exam(out io.Writer, m *signature.Matcher, sentences []likeness.Example, lessons []lesson, asked func(lesson) bool, tallies map[string]*tally) {
	m = m.Asking(likeness.Learn(with(sentences, slices.DeleteFunc(slices.Clone(lessons), asked))))
	for _, l := range lessons {
		if !asked(l) {
			continue
		}
		t := tallies[l.folder]
		if t == nil {
			t = &tally{}
			tallies[l.folder] = t
		}
		causes := signature.Weigh(m.Match(l.Text())).Causes
		at := slices.IndexFunc(causes, l.Right)
		t.cases++
		if at == 0 {
			t.first++
		}
		if at >= 0 && at < 3 {
			t.three++
		}
		if at != 0 && o.verbose {
			fmt.Fprintf(out, "%s is %s, got %v\n", l.ID, l.CauseID, causes[:min(len(causes), 4)])
		}
	}
}

func percent(n, of int) float64 { return 100 * float64(n) / float64(max(of, 1)) }

// with adds cases to sentences.
func with(sentences []likeness.Example, lessons []lesson) []likeness.Example {
	out := slices.Clone(sentences)
	for _, l := range lessons {
		out = append(out, l.example)
	}
	return out
}
