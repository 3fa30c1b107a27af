package snapshot_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/snapshot"
)

// Which label of a selector tells most is not known before: it selects the same pods whichever is asked first.
func TestPodsSelected(t *testing.T) {
	b := snapshot.NewBuilder()
	for i := range 300 {
		labels := map[string]string{"app": fmt.Sprintf("app-%d", i/3), "tier": "web"}
		if i%3 == 0 {
			labels["tier"] = "batch"
		}
		if err := b.Add(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: fmt.Sprintf("p-%03d", i), Labels: labels}}); err != nil {
			t.Fatal(err)
		}
	}
	s := b.Seal(time.Time{})
	for _, tc := range []struct {
		name      string
		namespace string
		selector  map[string]string
		want      []string
	}{
		{"one label", "shop", map[string]string{"app": "app-2"}, []string{"p-006", "p-007", "p-008"}},
		{"one that nearly all have, too", "shop", map[string]string{"app": "app-2", "tier": "web"}, []string{"p-007", "p-008"}},
		{"one that few have", "shop", map[string]string{"app": "app-2", "tier": "batch"}, []string{"p-006"}},
		{"one that none has", "shop", map[string]string{"tier": "web", "app": "other"}, nil},
		{"another namespace", "bank", map[string]string{"app": "app-2"}, nil},
		{"nothing is selected", "shop", nil, nil},
	} {
		var got []string
		for _, p := range s.PodsSelected(tc.namespace, tc.selector) {
			got = append(got, p.Name)
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: got %v, want %v", tc.name, got, tc.want)
		}
	}
}
