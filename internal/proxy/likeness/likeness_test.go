package likeness

import (
	"strings"
	"testing"

	"github.com/gatemend/gatemend/internal/catalogue"
	"github.com/gatemend/gatemend/internal/model"
)

// Every cause of the catalogue has sentences, and every sentence is one of a cause of the catalogue.
func TestSentencesCoverTheCatalogue(t *testing.T) {
	sentences := map[model.CauseID]int{}
	var last model.CauseID
	for line := range strings.Lines(told) {
		switch line = strings.TrimRight(line, "\n"); {
		case line == "" || line[0] == '#':
		case line[0] == '\t':
			sentences[last]++
		default:
			last = model.CauseID(line)
			if _, ok := catalogue.Lookup(last); !ok {
				t.Errorf("the catalogue has no cause %s", last)
			}
			if sentences[last] > 0 {
				t.Errorf("%s stands there twice", last)
			}
		}
	}
	for _, c := range catalogue.Causes() {
		if sentences[c.ID] < 4 {
			t.Errorf("%s has %d sentences; four are the least", c.ID, sentences[c.ID])
		}
	}
}

func TestOf(t *testing.T) {
	m := learn("# words of two causes\nred\n\tthe apple is red\n\tcherries and apples\nblue\n\tthe sky is blue\n\tan open sky, blue as the sea\ngreen\n\tgrass grows\n\tleaves in spring\n")
	for name, c := range map[string]struct {
		lines []string
		want  model.CauseID
		word  string
	}{
		"a word of one cause":           {[]string{"apples everywhere"}, "red", "appl"},
		"a pair tells more":             {[]string{"sky, blue"}, "blue", ""},
		"lines add up":                  {[]string{"apple", "sky", "sky"}, "blue", "sky"},
		"a word of all says little":     {[]string{"grass grows, and it is red"}, "green", "gras"},
		"words of no sentence at all":   {[]string{"nothing to see here"}, "", ""},
		"what is absent does not count": {[]string{"no apples; grass"}, "green", "gras"},
		"no text":                       {nil, "", ""},
	} {
		var got Score
		if all := m.Of(c.lines); len(all) > 0 {
			got = all[0]
		}
		if got.Cause != c.want || c.word != "" && got.Word != c.word && !strings.Contains(got.Word, c.word) {
			t.Errorf("%s: got %+v, want %s by %q", name, got, c.want, c.word)
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
		if len(a) != len(b) {
			t.Fatal("two answers for one text")
		}
		for i := range a {
			if a[i] != b[i] || a[i].Word == "" || a[i].Value <= 0 {
				t.Errorf("%+v and %+v", a[i], b[i])
			}
		}
	})
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		learn(told)
	}
}

func BenchmarkOf(b *testing.B) {
	m := Load()
	for b.Loop() {
		m.Of([]string{"upstream timed out while connecting to upstream", "the pod has another IP since it was recreated"})
	}
}
