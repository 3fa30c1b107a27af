package logfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

func input(name string, r io.Reader) Input {
	return Input{Name: name, Open: func() (io.ReadCloser, error) { return io.NopCloser(r), nil }}
}

// readAll reads blocks to the end and returns the lines of each input, as "number:line".
func readAll(t *testing.T, b *Blocks) (lines []string, read int) {
	t.Helper()
	begun, input, number := -1, -1, 0
	for {
		text, at, err := b.Next(nil, func(i int) { begun = i })
		if len(text) > 0 && at.Input != begun {
			t.Fatalf("a block of input %d, which did not begin", at.Input)
		}
		if at.Input != input {
			input, number = at.Input, 0
		}
		for line := range bytes.Lines(text) {
			number++
			lines = append(lines, fmt.Sprintf("%d:%s", number, bytes.TrimSuffix(line, []byte("\n"))))
		}
		read += at.Bytes
		if err != nil {
			if !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			return lines, read
		}
	}
}

func zstandard(t *testing.T, text string) []byte {
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestBlocks(t *testing.T) {
	long := strings.Repeat("x", blockSize+maxLine+7)
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"empty":            {"", nil},
		"no end":           {"a\nb", []string{"1:a", "2:b"}},
		"empty lines":      {"\n\na\n", []string{"1:", "2:", "3:a"}},
		"a line too long":  {"a\n" + long + "\nb\n", []string{"1:a", "2:" + long[:maxLine], "3:b"}},
		"only a long line": {long, []string{"1:" + long[:maxLine]}},
		"CRI": {
			"2026-05-04T08:30:15.1Z stdout P ab\n2026-05-04T08:30:15.1Z stderr F e\n2026-05-04T08:30:15.1Z stdout F cd\nplain\n",
			[]string{"1:", "2:e", "3:abcd", "4:plain"},
		},
		"CRI without an end": {
			"2026-05-04T08:30:15.1Z stdout F a\n2026-05-04T08:30:15.1Z stdout P ab\n2026-05-04T08:30:15.1Z stdout P cd\n",
			[]string{"1:a", "2:", "3:abcd"},
		},
		"CRI without an end, cut": {
			"2026-05-04T08:30:15.1Z stdout P ab\n2026-05-04T08:30:15.1Z stderr P e\n2026-05-04T08:30:15.1Z stdout P cd",
			[]string{"1:", "2:", "3:e", "4:abcd"},
		},
		"CRI, a whole line last": {
			"2026-05-04T08:30:15.1Z stdout P ab\n2026-05-04T08:30:15.1Z stderr F e\n",
			[]string{"1:", "2:e", "3:ab"},
		},
		"a hole before it":            {strings.Repeat("\x00", blockSize+maxLine+7) + "a\n\x00b\n", []string{"1:a", "2:\x00b"}},
		"nothing but a hole":          {"\x00\x00", nil},
		"a hole before what is in it": {"\x00\x002026-05-04T08:30:15.1Z stdout F a\n", []string{"1:a"}},
		"a JSON array":                {"[\n  {\n    \"a\": \"b, [ \\\" {\",\n    \"c\": [1, {}]\n  },\n  {}\n]\n", []string{`1:{"a":"b, [ \" {","c":[1,{}]}`, "2:{}"}},
		"JSON arrays":                 {`[{"a":1},{"a":2}]` + "\n" + `[{"a":3}]` + "\n", []string{`1:{"a":1}`, `2:{"a":2}`, `3:{"a":3}`}},
		"a JSON array of records":     {`{ "records": [{"a": 1}, {"b": 2}], "x": "]" }` + "\n", []string{`1:{"a":1}`, `2:{"b":2}`}},
		"no JSON array":               {"[2026] {\n{\"records\": 1}\n", []string{"1:[2026] {", `2:{"records": 1}`}},
		"a JSON array, cut":           {`[{"a": 1}, {"b": `, []string{`1:{"a":1}`, `2:{"b":`}},
		"a mark before it":            {"\uFEFFa\n\uFEFFb\n", []string{"1:a", "2:\uFEFFb"}},
		"a mark before what is in it": {"\uFEFF2026-05-04T08:30:15.1Z stdout F a\n", []string{"1:a"}},
		"kubectl --prefix and --timestamps": {
			"[pod/a-1/app] 2026-05-04T08:30:15.120000000Z a\n[pod/a-2/app] 2026-05-04T08:30:15.130000000Z b\n",
			[]string{"1:a", "2:b"},
		},
		"kubectl --prefix during a rollout": {
			"[pod/a-7c9d5b4f86-x2x4z/app] a\n[pod/a-55d8d6c4b9-0abcd/app] b\n[pod/a-7c9d5b4f86-zzzzz/app] c\n",
			[]string{"1:a", "2:b", "3:c"},
		},
		"kubectl's own words before": {
			"Defaulted container \"app\" out of: app, init (init)\n[pod/a-1/app] a\nerror: x\n[pod/a-1/app] b\n",
			[]string{"1:Defaulted container \"app\" out of: app, init (init)", "2:a", "3:error: x", "4:b"},
		},
		"wrapped too late": {
			strings.Repeat("x\n", wrapLines) + "[pod/a-1/app] a\n",
			[]string{"1:x", "2:x", "3:x", "4:x", "5:x", "6:x", "7:x", "8:x", "9:x", "10:x", "11:[pod/a-1/app] a"},
		},
		"Docker": {`{"log":"a\"b\n","stream":"stdout","time":"x"}` + "\n", []string{`1:a"b`}},
	} {
		for how, r := range map[string]io.Reader{
			"plain": strings.NewReader(test.text), "gzip": bytes.NewReader(zipped(t, test.text)), "zstd": bytes.NewReader(zstandard(t, test.text)),
			"byte by byte": iotest.OneByteReader(strings.NewReader(test.text)),
		} {
			array := strings.Contains(name, "JSON") // which is seen in what comes at once, and whose blanks are left out
			if array && how == "byte by byte" {
				continue
			}
			b := NewBlocks([]Input{input(name, r)})
			got, read := readAll(t, b)
			if d := cmp.Diff(test.want, got); d != "" || len(b.Unread()) > 0 {
				t.Errorf("%s, %s: unread %v, lines (-want +got)\n%.500s", name, how, b.Unread(), d)
			}
			if read != len(test.text) && !array {
				t.Errorf("%s, %s: %d bytes read, want %d", name, how, read, len(test.text))
			}
		}
	}
}

// The lines of another container are another log, which is given up, wherever they begin; the next input is not.
func TestBlocksAreOfOneContainer(t *testing.T) {
	const first, hashed = "[pod/lb-1/controller] a\n", "[pod/lb-7c9d5b4f86-x2x4z/controller] a\n"
	for name, test := range map[string]struct{ begin, other, why string }{
		"another container of the pod":  {first, "[pod/lb-1/sidecar] s\n", "lines of lb-1/sidecar follow those of lb-1/controller"},
		"another workload's":            {hashed, "[pod/web-7c9d5b4f86-x2x4z/controller] s\n", "lines of web-7c9d5b4f86-x2x4z/controller follow those of lb-7c9d5b4f86-x2x4z/controller"},
		"a workload with a longer name": {hashed, "[pod/lb-admin-7c9d5b4f86-x2x4z/controller] s\n", "lines of lb-admin-7c9d5b4f86-x2x4z/controller follow"},
		"after kubectl's own words":     {"Defaulted container\n" + first, "[pod/web-1/app] s\n", "lines of web-1/app follow"},
		"in a later block":              {strings.Repeat(first, 3*blockSize/len(first)), "[pod/web-1/app] s\n", "lines of web-1/app follow"},
	} {
		next := input("next", strings.NewReader("[pod/web-2/app] z\n"))
		next.Another = true
		b := NewBlocks([]Input{input("all.log", strings.NewReader(test.begin+test.other+test.begin)), next})
		got, _ := readAll(t, b)
		if want := strings.Count(test.begin, "\n"); len(got) != want+1 || got[want-1] != fmt.Sprintf("%d:a", want) || got[want] != "1:z" {
			t.Errorf("%s: %d lines, want %d of the first container and the next input's", name, len(got), want)
		}
		u := b.Unread()
		if len(u) != 1 || u[0].Input != 0 || !strings.HasPrefix(u[0].Err.Error(), test.why) {
			t.Errorf("%s: unread %v, want that %s", name, u, test.why)
		}
	}
}

// Lines with a prefix cost no memory each.
func TestPrefixedLinesAllocateNothing(t *testing.T) {
	text := []byte(strings.Repeat("[pod/lb-1/controller] a\n", 1000))
	b := NewBlocks(nil)
	b.wrapped = true
	into := make([]byte, 0, len(text))
	stamps := make([]int64, 0, 1001)
	allocated := testing.AllocsPerRun(10, func() {
		if _, _, err := b.unwrapAll(into, text, false, &stamps); err != nil {
			t.Fatal(err)
		}
	})
	if allocated > 0 {
		t.Errorf("%v allocations", allocated)
	}
}

// Many blocks give the same lines, with their numbers.
func TestBlocksNumberLines(t *testing.T) {
	var text strings.Builder
	var want []string
	for i := 1; text.Len() < 3*(blockSize+maxLine); i++ {
		line := strings.Repeat("y", i%500)
		fmt.Fprintln(&text, line)
		want = append(want, fmt.Sprintf("%d:%s", i, line))
	}
	got, _ := readAll(t, NewBlocks([]Input{input("x", strings.NewReader(text.String()))}))
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%.500s", d)
	}
}

func TestBlocksGoOn(t *testing.T) {
	z := zipped(t, strings.Repeat("a line of some length\n", 50000))
	gone := Input{Name: "gone", Open: func() (io.ReadCloser, error) { return nil, errors.New("no such file") }}
	b := NewBlocks([]Input{gone, input("cut", bytes.NewReader(z[:len(z)/2])), input("last", strings.NewReader("z\n"))})
	got, _ := readAll(t, b)
	if len(got) < 2 || got[len(got)-1] != "1:z" {
		t.Errorf("%d lines, the last of them not the last", len(got))
	}
	if u := b.Unread(); len(u) != 2 || u[0].Input != 0 || u[1].Input != 1 || !errors.Is(u[1].Err, io.ErrUnexpectedEOF) {
		t.Errorf("unread %+v", u)
	}
}

// A line that a runtime split goes on in the file after the rotation, and not in another log.
func TestSplitLineAcrossRotation(t *testing.T) {
	const begin, end = "2026-05-04T08:30:15.1Z stdout P ab\n", "2026-05-04T08:30:15.1Z stdout F cd\n"
	for another, want := range map[bool][]string{false: {"1:", "1:abcd"}, true: {"1:ab", "1:cd"}} {
		last := input("0.log", strings.NewReader(end))
		last.Another = another
		got, _ := readAll(t, NewBlocks([]Input{input("0.log.20260314-092600", strings.NewReader(begin)), last}))
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("another log: %v (-want +got)\n%s", another, d)
		}
	}
}

func TestSets(t *testing.T) {
	got := Sets([]string{"b.log", "a.log", "a.log.1", "a.log.10.gz", "a.log.2.zst", "c.log-20260314", "c.log", "c.log-20260313.gz", "0.log", "0.log.20260314-092600.gz", "-", "x.1"})
	want := [][]string{
		{"b.log"}, {"a.log.10.gz", "a.log.2.zst", "a.log.1", "a.log"}, {"c.log-20260313.gz", "c.log-20260314", "c.log"},
		{"0.log.20260314-092600.gz", "0.log"}, {"-"}, {"x.1"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func FuzzBlocks(f *testing.F) {
	f.Add([]byte("a\nb"))
	f.Add([]byte("2026-05-04T08:30:15.1Z stdout P ab\n2026-05-04T08:30:15.1Z stdout F cd\n"))
	f.Add([]byte("\x1f\x8b\x08\x00"))
	f.Add([]byte("[pod/a-1/app] a\n[pod/b-1/app] b\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		b := NewBlocks([]Input{input("x", bytes.NewReader(text))})
		lines, read := readAll(t, b)
		if bytes.HasPrefix(text, []byte{0x1f, 0x8b}) || bytes.HasPrefix(text, []byte("\x28\xb5\x2f\xfd")) {
			return
		}
		if u := b.Unread(); len(u) > 0 { // the logs of several containers
			if !bytes.Contains(text, []byte("[pod/")) {
				t.Fatalf("%v in %q", u, text)
			}
			return
		}
		want := bytes.Count(text, []byte("\n"))                                                                                           // and one that has no end, unless nothing is in what is wrapped
		unended := bytes.Count(text, []byte(" stdout P")) + bytes.Count(text, []byte(" stderr P")) + bytes.Count(text, []byte(`{"log":`)) // lines of their own at the end
		if read != len(text) || len(lines) < want || len(lines) > want+1+unended {
			t.Fatalf("%d of %d bytes read, %d lines of %q", read, len(text), len(lines), text)
		}
	})
}
