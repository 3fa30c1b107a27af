package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// gate is a reader that takes nothing until it is opened, or at all.
type gate struct {
	open chan struct{}
	text bytes.Buffer
	err  error
}

func (g *gate) Write(p []byte) (int, error) {
	<-g.open
	if g.err != nil {
		return 0, g.err
	}
	return g.text.Write(p)
}

func line(text string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := fmt.Fprintln(w, text)
		return err
	}
}

func missed(n int64) func(io.Writer) error { return line(fmt.Sprintf("%d missed", n)) }

// Who prints to a reader that hangs waits once, and for a moment; what there is room for is printed when it reads again, and
// what there was none for is told.
func TestOutletGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{})}
		o := newOutlet(g, missed)
		began := time.Now()
		for i := range waitingPrints + 11 {
			if err := o.print(line(fmt.Sprint(i))); err != nil {
				t.Fatal(err)
			}
		}
		if d := time.Since(began); d != patience {
			t.Errorf("printing was held up for %s", d)
		}
		close(g.open)
		synctest.Wait()
		if err := o.print(line("again")); err != nil {
			t.Error(err)
		}
		o.close()
		got := strings.Fields(g.text.String())
		want := []string{"0", "10", "missed"}
		for i := range waitingPrints {
			want = append(want, fmt.Sprint(i+1))
		}
		if d := cmp.Diff(append(want, "again"), got); d != "" {
			t.Errorf("printed (-want +got)\n%s", d)
		}
		if d := time.Since(began); d != patience {
			t.Errorf("the end was held up for %s", d-patience)
		}
	})
}

func TestOutletEndsWithoutReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{})}
		o := newOutlet(g, missed)
		began := time.Now()
		if err := o.print(line("a")); err != nil {
			t.Error(err)
		}
		o.close()
		if d := time.Since(began); d != 2*patience {
			t.Errorf("it took %s", d)
		}
		close(g.open)
	})
}

// An error of what was printed late reaches the next who prints.
func TestOutletFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{}), err: errors.New("broken pipe")}
		o := newOutlet(g, missed)
		defer o.close()
		if err := o.print(line("a")); err != nil {
			t.Error(err)
		}
		close(g.open)
		synctest.Wait()
		if err := o.print(line("b")); !errors.Is(err, g.err) {
			t.Errorf("error %v", err)
		}
	})
}
