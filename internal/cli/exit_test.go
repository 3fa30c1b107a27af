package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
)

func TestExitOf(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want Exit
	}{
		"nothing wrong":           {nil, 0},
		"something wrong":         {errWrong, 1},
		"wrapped":                 {fmt.Errorf("print: %w", errors.Join(errWrong, io.ErrClosedPipe)), 1},
		"usage":                   {usagef("", "no"), 2},
		"wrapped usage":           {fmt.Errorf("x: %w", usagef("", "no")), 2},
		"blind":                   {errBlind, 3},
		"any other error":         {io.ErrUnexpectedEOF, 3},
		"with a hint":             {&HintedError{Err: io.EOF, Hint: "h"}, 3},
		"deadline":                {context.DeadlineExceeded, 3},
		"did not help":            {errDidNotHelp, 4},
		"interrupted by a person": {errInterrupted, 130},
	} {
		if got := exitOf(c.err); got != c.want {
			t.Errorf("%s: got %d, want %d", name, got, c.want)
		}
	}
}

// The table that help and documents show has each status of the contract once, in order.
func TestExits(t *testing.T) {
	for i, e := range Exits() {
		if int(e.Exit) != i || e.Means == "" || e.When == "" {
			t.Errorf("row %d: got %+v", i, e)
		}
	}
	if n := len(Exits()); n != 5 {
		t.Errorf("got %d rows, want 5", n)
	}
}

func TestJudge(t *testing.T) {
	broken := model.Trace{Hops: []model.Hop{{Verdict: model.OK}, {Verdict: model.Broken}}}
	unknown := model.Trace{Hops: []model.Hop{{Verdict: model.Unknown}}}
	for name, c := range map[string]struct {
		d    model.Diagnosis
		want error
	}{
		"healthy":                            {model.Diagnosis{Healthy: true}, nil},
		"a cause":                            {model.Diagnosis{Causes: []model.Finding{{}}}, errWrong},
		"errors without a cause":             {model.Diagnosis{Observed: []model.Observation{{Status: 502}}}, errWrong},
		"a broken hop without a cause":       {model.Diagnosis{Traces: []model.Trace{broken}}, errWrong},
		"a hop that could not be looked at":  {model.Diagnosis{Traces: []model.Trace{unknown}}, errBlind},
		"nothing looked at":                  {model.Diagnosis{}, errBlind},
		"healthy, with errors that are over": {model.Diagnosis{Healthy: true, Observed: []model.Observation{{Status: 502}}}, nil},
	} {
		if got := judge(c.d); !errors.Is(got, c.want) || (got == nil) != (c.want == nil) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

func TestWorst(t *testing.T) {
	healthy, blind, wrong := model.Diagnosis{Healthy: true}, model.Diagnosis{}, model.Diagnosis{Causes: []model.Finding{{}}}
	for name, c := range map[string]struct {
		ds   []model.Diagnosis
		want error
	}{
		"all healthy":            {[]model.Diagnosis{healthy, healthy}, nil},
		"one not seen":           {[]model.Diagnosis{healthy, blind}, errBlind},
		"wrong outweighs unseen": {[]model.Diagnosis{blind, wrong, healthy}, errWrong},
	} {
		if got := worst(c.ds); !errors.Is(got, c.want) || (got == nil) != (c.want == nil) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

func TestOutcomes(t *testing.T) {
	for outcome, want := range map[plan.Outcome]Exit{
		plan.Mended: 0, plan.Unverified: 0, plan.OnlyAdvice: 1, plan.Refused: 1, plan.Declined: 1, plan.CouldNotAct: 1,
		plan.Interrupted: 1, plan.NotHelped: 4, plan.UndoFailed: 4,
	} {
		if got := exitOf(outcomeError(outcome, model.Diagnosis{})); got != want {
			t.Errorf("%s: got %d, want %d", outcome, got, want)
		}
	}
	if got := exitOf(outcomeError(plan.NothingToDo, model.Diagnosis{Healthy: true})); got != 0 {
		t.Errorf("nothing to do on a healthy target: got %d, want 0", got)
	}
	if got := exitOf(outcomeError(plan.NothingToDo, model.Diagnosis{})); got != 3 {
		t.Errorf("nothing to do on a target that could not be looked at: got %d, want 3", got)
	}
}
