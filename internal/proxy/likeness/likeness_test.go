package likeness

import (
	_ "embed"
	"slices"
	"strings"
	"testing"

	"github.com/gatemend/gatemend/internal/catalogue"
	"github.com/gatemend/gatemend/internal/model"
)

//go:embed told.txt
var told string

// Every cause of the catalogue has sentences, and every sentence is one of a cause of the catalogue.
func TestSentencesCoverTheCatalogue(t *testing.T) {
	sentences := map[model.CauseID]int{}
	for _, e := range Told(told) {
		c := e.Causes[0]
		if _, ok := catalogue.Lookup(c); !ok {
			t.Errorf("the catalogue has no cause %s", c)
		}
		sentences[c]++
	}
	for _, c := range catalogue.Causes() {
		if sentences[c.ID] < 4 {
			t.Errorf("%s has %d sentences; four are the least", c.ID, sentences[c.ID])
		}
	}
}

// What was learnt is of the sentences as they are: it recognises nearly all of them.
func TestLearntOfTold(t *testing.T) {
	m, err := parse(learnt)
	if err != nil {
		t.Fatal(err)
	}
	right, all := 0, Told(told)
	for _, e := range all {
		scores := m.Of(e.Lines)
		if len(scores) > 0 && scores[0].Cause == e.Causes[0] {
			right++
			continue
		}
		for _, f := range features(e.Lines) {
			if _, known := m.terms[f.term]; !known && !strings.Contains(f.term, " ") && len(features(e.Lines)) == 1 {
				t.Errorf("%q stands in told.txt and was not learnt: run make words", e.Lines[0])
			}
		}
	}
	if right*10 < len(all)*9 {
		t.Errorf("%d of %d sentences are recognised: run make words", right, len(all))
	}
	for _, c := range catalogue.Causes() {
		if !slices.Contains(m.causes, c.ID) {
			t.Errorf("%s was not learnt: run make words", c.ID)
		}
	}
}

func examples() []Example {
	return Told("# words of three causes\nred\n\tthe apple is red\n\tcherries and apples\nblue\n\tthe sky is blue\n\tan open sky, blue as the sea\ngreen\n\tgrass grows\n\tleaves in spring\n")
}

func TestOf(t *testing.T) {
	m := Learn(examples())
	for name, c := range map[string]struct {
		lines []string
		want  model.CauseID
		word  string
	}{
		"a word of one cause":           {[]string{"apples everywhere"}, "red", "appl"},
		"a pair tells more":             {[]string{"sky, blue"}, "blue", ""},
		"lines add up":                  {[]string{"apple", "open sky", "sea"}, "blue", "s"},
		"more words outweigh one":       {[]string{"grass grows in spring, and it is red"}, "green", "g"},
		"words of no sentence at all":   {[]string{"something quite unrelated"}, "", ""},
		"what is absent does not count": {[]string{"no apples; grass"}, "green", "gras"},
		"no text":                       {nil, "", ""},
	} {
		var got Score
		if all := m.Of(c.lines); len(all) > 0 {
			got = all[0]
		}
		if got.Cause != c.want || c.word != "" && !strings.Contains(got.Word, c.word) {
			t.Errorf("%s: got %+v, want %s by %q", name, got, c.want, c.word)
		}
	}
	scores := m.Of([]string{"apples everywhere"})
	if len(scores) != 3 || scores[0].Value <= 0 || scores[2].Value >= 0 {
		t.Errorf("apples should speak for one cause and against another; got %+v", scores)
	}
}

// An example that allows several causes teaches none of them to be wrong.
func TestLearnOfSeveralCauses(t *testing.T) {
	m := Learn([]Example{
		{[]string{"pods restart"}, []model.CauseID{"a", "b"}}, {[]string{"pods wait"}, []model.CauseID{"c"}}, {[]string{"nodes wait"}, []model.CauseID{"c"}},
	})
	if got := m.Of([]string{"restart"}); got[2].Cause != "c" || got[1].Value <= 0 {
		t.Errorf("got %+v", got)
	}
}

func TestWriteAndParse(t *testing.T) {
	m := Learn(examples())
	var text strings.Builder
	if err := m.Write(&text); err != nil {
		t.Fatal(err)
	}
	again, err := parse(text.String())
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"apples everywhere", "an open sky", "leaves of grass"} {
		if a, b := m.Of([]string{line}), again.Of([]string{line}); !slices.Equal(a, b) {
			t.Errorf("%s: %+v before it was written, %+v after", line, a, b)
		}
	}
	for _, wrong := range []string{"a:1 b:x\n", "a:1\nterm\t1:5\n", "a:1\nterm\tb:5\n"} {
		if _, err := parse(wrong); err == nil {
			t.Errorf("%q should not be read", wrong)
		}
	}
}

// The reason of a status tells what its number tells, and nothing of Services or gateways.
func TestReasonOfAStatus(t *testing.T) {
	for line, want := range map[string]string{
		"HTTP/1.1 503 Service Unavailable": "http 1.1 503", "503 Service Temporarily Unavailable": "503", "it answers Bad Gateway": "it answers 502",
		"504 gateway time-out": "504", "the Service is unavailable": "the service is unavailable",
	} {
		if got := strings.Join(words(line), " "); got != want {
			t.Errorf("%q is read as %q, want %q", line, got, want)
		}
	}
}

func TestStem(t *testing.T) {
	for _, family := range [][]string{
		{"restart", "restarts", "restarted", "restarting"}, {"policy", "policies"}, {"close", "closes", "closed", "closing"}, {"stopped", "stopping"},
	} {
		for _, w := range family[1:] {
			if stem(w) != stem(family[0]) {
				t.Errorf("%s and %s should be one word; they are %s and %s", family[0], w, stem(family[0]), stem(w))
			}
		}
	}
}

// Whatever is read, the same text always gives the same answer, and words of it.
func FuzzOf(f *testing.F) {
	f.Add("pods don't start: OOMKilled\nexit code 137")
	f.Add("\xff\xfe targetPort 8080 \x00 ’t n't")
	m := Load()
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Split(text, "\n")
		a, b := m.Of(lines), m.Of(lines)
		if !slices.Equal(a, b) {
			t.Fatal("two answers for one text")
		}
		for i := range a {
			if a[i].Words > 0 && a[i].Word == "" || i > 0 && a[i].Value > a[i-1].Value {
				t.Errorf("%+v", a[i])
			}
		}
	})
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		if _, err := parse(learnt); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOf(b *testing.B) {
	m := Load()
	for b.Loop() {
		m.Of([]string{"upstream timed out while connecting to upstream", "the pod has another IP since it was recreated"})
	}
}
