package printer

import (
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// TestBeyond: what the summary says is not said again as its proof, but where it is all that there is, or tells when.
func TestBeyond(t *testing.T) {
	const summary = "NetworkPolicy shop/lockdown does not admit the gateway: it admits nothing"
	again := model.Evidence{Text: "NetworkPolicy shop/lockdown does not admit the gateway"}
	since := model.Evidence{Text: again.Text, At: time.Unix(1, 0)}
	other := model.Evidence{Text: "upstream timed out", Source: "nginx.log:1"}
	for _, tt := range []struct {
		name string
		all  []model.Evidence
		want int
	}{
		{"said again", []model.Evidence{again, other}, 1},
		{"with its time", []model.Evidence{since, other}, 2},
		{"nothing else", []model.Evidence{again}, 1},
		{"none", nil, 0},
	} {
		if got := beyond(summary, tt.all); len(got) != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}
