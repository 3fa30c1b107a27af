package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/gatemend/gatemend/internal/mend"
	"github.com/gatemend/gatemend/internal/model"
)

// asker decides whether a plan is carried out. The plan has been shown before.
type asker struct {
	in       io.Reader
	out      io.Writer
	terminal bool
	yes      bool     // --yes was given
	person   bool     // --yes speaks for a person who has this one repair in mind, not for a policy
	approved []string // causes to whose repair a person has agreed in advance; "all" for every one
}

// approveAll stands for every cause.
const approveAll = "all"

// noTerminal is why nobody could be asked.
const noTerminal = "nobody could be asked, since stdin is not a terminal; --yes carries it out"

// Ask asks on a terminal. Elsewhere, only a yes in advance is a yes.
func (a asker) Ask(ctx context.Context, p model.Plan) (mend.Answer, error) {
	inAdvance := slices.Contains(a.approved, approveAll) || !slices.ContainsFunc(p.Each(), func(f model.Fault) bool {
		return !slices.Contains(a.approved, string(f.Finding.ID))
	})
	if a.yes || inAdvance {
		return mend.Answer{Yes: true, Person: a.person || inAdvance}, nil
	}
	if !a.terminal {
		return mend.Answer{Nobody: true, Because: noTerminal}, nil
	}
	yes, err := askYes(ctx, a.in, a.out, fmt.Sprintf("\nCarry this out on %s?", targets(p)))
	switch {
	case err != nil:
		return mend.Answer{}, err
	case yes:
		return mend.Answer{Yes: true, Person: true}, nil
	default:
		return mend.Answer{Because: "the answer was no"}, nil
	}
}

// targets names the object that mends each fault of a plan.
func targets(p model.Plan) string {
	var out []string
	for _, f := range p.Each() {
		if t := f.Remedy.Change.Target.String(); !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return strings.Join(out, ", then on ")
}

// askYes asks a question on a terminal; whatever is no yes is a no.
func askYes(ctx context.Context, in io.Reader, out io.Writer, question string) (bool, error) {
	fmt.Fprint(out, question+" [y/N] ")
	line := make(chan string, 1)
	go func() {
		// Reading a terminal cannot be cancelled: after Ctrl-C this goroutine ends with the process.
		text, err := bufio.NewReader(in).ReadString('\n')
		if err != nil {
			text = ""
		}
		line <- text
	}()
	select {
	case <-ctx.Done():
		return false, context.Cause(ctx)
	case text := <-line:
		answer := strings.ToLower(strings.TrimSpace(text))
		return answer == "y" || answer == "yes", nil
	}
}
