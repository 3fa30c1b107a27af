package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/gatemend/gatemend/accuracy/reported"
	"github.com/gatemend/gatemend/internal/model"
)

// The two ways of asking.
const (
	given   = "incident given"
	scanned = "all scanned"
)

// gatemend is the program to measure.
type gatemend struct{ program string }

func (g gatemend) diagnose(ctx context.Context, s scenario, mode string) (d model.Diagnosis, took time.Duration, err error) {
	args := []string{"diagnose"}
	if mode == given {
		args = append(args, s.want.Incident.Host+s.want.Incident.Path)
	}
	args = append(args, "--from", s.objects, "-o", "json")
	if s.logs != "" {
		args = append(args, "--logs", s.logs)
	}
	began := time.Now()
	err = g.run(ctx, "", args, &d)
	return d, time.Since(began), err
}

// explain pastes the evidence of a case, a line each, and gives the causes in order, each once.
func (g gatemend) explain(ctx context.Context, c reported.Case) ([]model.CauseID, error) {
	var answer struct {
		Matches []struct {
			Causes []model.CauseID `json:"causes"`
		} `json:"matches"`
	}
	if err := g.run(ctx, c.Text(), []string{"explain", "-", "-o", "json"}, &answer); err != nil {
		return nil, err
	}
	var out []model.CauseID
	for _, m := range answer.Matches {
		for _, id := range m.Causes {
			if !slices.Contains(out, id) {
				out = append(out, id)
			}
		}
	}
	return out, nil
}

// run reads the JSON that gatemend prints. It exits with 1 when something is wrong, and with 3 when it could
// not look at everything: both print an answer.
func (g gatemend) run(ctx context.Context, stdin string, args []string, into any) error {
	cmd := exec.CommandContext(ctx, g.program, args...)
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return err
	}
	if stdout.Len() == 0 && err != nil {
		return fmt.Errorf("%s %s: %w: %s", g.program, strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	if err := json.Unmarshal(stdout.Bytes(), into); err != nil {
		return fmt.Errorf("%s %s: its output is no JSON: %w", g.program, strings.Join(args, " "), err)
	}
	return nil
}
