package main

import (
	"strings"
	"testing"
	"time"
)

func TestGrowing(t *testing.T) {
	soak := func(of func(minute int) sample) []sample {
		var out []sample
		for m := range 20 {
			s := of(m)
			s.at = time.Duration(m+1) * time.Minute
			out = append(out, s)
		}
		return out
	}
	for name, tc := range map[string]struct {
		all  []sample
		want string // "": nothing grows
	}{
		"it stays":             {soak(func(int) sample { return sample{rss: 200 << 20, live: 90 << 20, goroutines: 350, files: 40} }), ""},
		"it fills and stays":   {soak(func(m int) sample { return sample{rss: int64(min(m, 7)) * 30 << 20} }), ""},
		"a diagnosis is made":  {soak(func(m int) sample { return sample{live: int64(80+m%3*25) << 20} }), ""},
		"memory leaks":         {soak(func(m int) sample { return sample{rss: int64(200+8*m) << 20} }), "RSS grew"},
		"goroutines leak":      {soak(func(m int) sample { return sample{goroutines: 100 + 20*m} }), "goroutines grew"},
		"files stay open":      {soak(func(m int) sample { return sample{files: 40 + 3*m} }), "open files grew"},
		"a queue does not end": {soak(func(m int) sample { return sample{queued: 4 * m} }), "queued grew"},
		"too short to tell":    {soak(func(m int) sample { return sample{queued: 100 * m} })[:9], ""},
	} {
		err := growing(tc.all)
		if got := ""; err != nil {
			got = err.Error()
			if tc.want == "" || !strings.HasPrefix(got, tc.want) || strings.Contains(got, "\n") {
				t.Errorf("%s: got %q, want %q alone", name, got, tc.want)
			}
		} else if tc.want != "" {
			t.Errorf("%s: nothing is said, want %q", name, tc.want)
		}
	}
}
