package kube

import (
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Deletion is an object that went away.
type Deletion struct {
	Object metav1.Object // as it was last seen
	At     time.Time     // when the watch saw it go
}

const (
	mostRemembered = 256 // objects; the oldest are forgotten first
	rememberedFor  = 24 * time.Hour
)

// graveyard remembers deleted objects until they exist again.
type graveyard struct {
	now  func() time.Time
	mu   sync.Mutex
	dead []Deletion // oldest first
}

func newGraveyard(now func() time.Time) *graveyard { return &graveyard{now: now} }

// remembers reports whether deleted objects of a kind are kept: those that a person made and that
// no controller makes again.
func remembers(k snapshot.Kind) bool {
	return k == snapshot.Services || k == snapshot.Ingresses || k == snapshot.HTTPRoutes
}

func (g *graveyard) bury(o metav1.Object) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.drop(snapshot.RefOf(o))
	g.dead = append(g.dead, Deletion{o, g.now()})
	g.forget()
}

// revive forgets an object that exists again.
func (g *graveyard) revive(ref model.Ref) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.drop(ref)
}

func (g *graveyard) drop(ref model.Ref) {
	g.dead = slices.DeleteFunc(g.dead, func(d Deletion) bool { return snapshot.RefOf(d.Object) == ref })
}

func (g *graveyard) forget() {
	old := g.now().Add(-rememberedFor)
	g.dead = slices.DeleteFunc(g.dead, func(d Deletion) bool { return d.At.Before(old) })
	if n := len(g.dead) - mostRemembered; n > 0 {
		g.dead = slices.Delete(g.dead, 0, n)
	}
}

// list gives what is remembered, newest first.
func (g *graveyard) list() []Deletion {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forget()
	newest := slices.Clone(g.dead)
	slices.Reverse(newest)
	return newest
}
