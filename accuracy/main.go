// Command accuracy measures how often gatemend is right: it diagnoses cluster snapshots whose fault is known,
// once with the failing request given and once scanning everything, and explains the log lines of known cases.
//
// It runs the program as a user would and reads nothing but its JSON. A folder of scenarios holds, for each
// NAME, NAME.yaml or NAME.json (the objects), NAME.logs (a folder, where logs matter) and NAME.expect.yaml (the answer);
// a folder of cases holds one YAML file each. Both are told apart by what is in them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/gatemend/gatemend/accuracy/reported"
	"github.com/gatemend/gatemend/accuracy/synth"
)

func main() {
	program := flag.String("gatemend", "bin/gatemend", "the program to measure")
	only := flag.String("only", "", "measure only those whose name contains this")
	write := flag.String("write", "", "also replace the measured part of this Markdown file")
	recipes := flag.String("make", "", "first make scenarios of every recipe in this folder, and measure them too")
	verbose := flag.Bool("v", false, "say of each wrong answer what came instead")
	exact := flag.Bool("exact", false, "end with status 1 if an answer is wrong, and diagnose as many at once as there are cores")
	flag.Parse()
	folders := flag.Args()
	if *recipes != "" {
		if err := synth.Write(*recipes); err != nil {
			fmt.Fprintln(os.Stderr, "accuracy:", err)
			os.Exit(3)
		}
		folders = append([]string{*recipes}, folders...)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout, options{gatemend{*program}, folders, *only, *write, *verbose, *exact})
	stop()
	if errors.Is(err, errWrong) {
		fmt.Fprintln(os.Stderr, "accuracy:", err)
		os.Exit(1)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "accuracy:", err)
		os.Exit(3)
	}
}

type options struct {
	gatemend gatemend
	folders  []string
	only     string
	write    string
	verbose  bool
	exact    bool
}

// errWrong says that an answer is wrong where all are to be right.
var errWrong = errors.New("wrong answers")

// read reads the scenarios and cases of all folders, of which only some may be wanted.
func (o options) read() (scenarios []scenario, cases []reported.Case, err error) {
	for _, dir := range o.folders {
		s, err := readScenarios(dir)
		if err != nil {
			return nil, nil, err
		}
		c, err := reported.Read(dir)
		if err != nil {
			return nil, nil, err
		}
		if len(s)+len(c) == 0 {
			return nil, nil, fmt.Errorf("%s holds neither scenarios (NAME.expect.yaml) nor cases (NAME.yaml with a cause_id)", dir)
		}
		scenarios, cases = append(scenarios, s...), append(cases, c...)
	}
	scenarios = slices.DeleteFunc(scenarios, func(s scenario) bool { return !strings.Contains(s.name, o.only) })
	cases = slices.DeleteFunc(cases, func(c reported.Case) bool { return !strings.Contains(c.ID, o.only) })
	return scenarios, cases, nil
}

// run measures every folder. A wrong answer is a result, and an error only where all are to be right.
func run(ctx context.Context, out io.Writer, o options) error {
	if len(o.folders) == 0 {
		return errors.New("no folder given; usage: accuracy [flags] FOLDER")
	}
	scenarios, cases, err := o.read()
	if err != nil {
		return err
	}
	r := report{}
	if r.verdicts, err = o.diagnose(ctx, scenarios); err != nil {
		return err
	}
	for _, c := range cases {
		ids, err := o.gatemend.explain(ctx, c)
		if err != nil {
			return fmt.Errorf("explain case %s: %w", c.ID, err)
		}
		r.explained = append(r.explained, judgeCase(c, ids))
	}
	r.print(out, o.verbose)
	if o.write != "" {
		if err := r.writeInto(o.write); err != nil {
			return err
		}
	}
	if n := count(r.verdicts, func(v verdict) bool { return !v.passed() }); n > 0 && o.exact {
		return fmt.Errorf("%w: %d of %d diagnoses", errWrong, n, len(r.verdicts))
	}
	return nil
}

// diagnose asks about each scenario, with its incident given and without.
func (o options) diagnose(ctx context.Context, scenarios []scenario) ([]verdict, error) {
	var out []verdict
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(1) // how long an answer takes is measured
	if o.exact {
		group.SetLimit(runtime.GOMAXPROCS(0))
	}
	var mu sync.Mutex
	for _, mode := range []string{given, scanned} {
		for _, s := range scenarios {
			if mode == given && s.want.Healthy {
				continue // a healthy cluster has no incident to give
			}
			group.Go(func() error {
				d, took, err := o.gatemend.diagnose(ctx, s, mode)
				if err != nil {
					return fmt.Errorf("diagnose %s: %w", s.name, err)
				}
				mu.Lock()
				defer mu.Unlock()
				out = append(out, judge(s, mode, d, took))
				return nil
			})
		}
	}
	return out, group.Wait()
}
