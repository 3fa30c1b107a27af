// Command logs measures how fast gatemend counts gateways' logs, beside the tools that people use for it, and prints
// all as ratios.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "logs:", err)
		os.Exit(1)
	}
}

// bench is what is measured, and how.
type bench struct {
	gatemend, dir string
	size          int64
	runs          int
	out           io.Writer
}

func run(args []string, out io.Writer) error {
	f := flag.NewFlagSet("logs", flag.ContinueOnError)
	b := bench{out: out}
	f.StringVar(&b.gatemend, "gatemend", "bin/gatemend", "the program to measure")
	f.StringVar(&b.dir, "dir", os.TempDir(), "where logs are written")
	f.Int64Var(&b.size, "size", 500, "size of each log in MB")
	f.IntVar(&b.runs, "runs", 3, "how often each command runs; the best counts")
	only := f.String("formats", "ingress-nginx,ingress-nginx-json,combined,envoy,envoy-json,haproxy,traefik,traefik-json", "the logs to measure")
	print := f.String("print", "", "only write a log of this format to standard output")
	if err := f.Parse(args); err != nil {
		return err
	}
	b.size *= 1_000_000
	if *print != "" {
		return write(out, *print, b.size, 1, 0.02)
	}
	for _, format := range strings.Split(*only, ",") {
		if err := b.measure(format); err != nil {
			return err
		}
	}
	return nil
}

// tool is one command that is measured.
type tool struct {
	name string
	args []string // FILE stands for the log
	env  []string
	core bool  // is kept on one core
	cut  int64 // how much of the log it gets; 0: all
}

func (b bench) tools(format string) []tool {
	status := `" 502 `
	tools := []tool{
		{name: "grep -c '" + status + "'", args: []string{"grep", "-c", status, "FILE"}, env: []string{"LC_ALL=C"}, core: true},
		{name: "gatemend logs, one core", args: []string{b.gatemend, "logs", "-o", "json", "FILE"}, env: []string{"GOMAXPROCS=1"}, core: true},
		{name: "gatemend logs, two cores", args: []string{b.gatemend, "logs", "-o", "json", "FILE"}, env: []string{"GOMAXPROCS=2"}},
	}
	if format != "ingress-nginx" {
		return tools
	}
	return append(tools,
		tool{name: "wc -l", args: []string{"wc", "-l", "FILE"}, core: true},
		tool{name: "gawk '$9==502'", args: []string{"gawk", `$9==502 {n++} END {print n}`, "FILE"}, env: []string{"LC_ALL=C"}, core: true},
		tool{
			name: "goaccess, the first 50 MB", core: true, cut: 50_000_000,
			args: []string{"goaccess", "FILE", "--no-global-config", "--log-format=%h - %e [%d:%t %^] \"%r\" %s %b \"%R\" \"%u\" %^", "--date-format=%d/%b/%Y", "--time-format=%H:%M:%S", "-o", "json", "--process-and-exit"},
		},
	)
}

// taken is how long a command took.
type taken struct{ clock, processor time.Duration }

func (b bench) measure(format string) error {
	file := filepath.Join(b.dir, "gatemend-bench-"+format+".log")
	if err := b.generate(file, format); err != nil {
		return err
	}
	defer func() { _ = os.Remove(file) }()
	info, err := os.Stat(file)
	if err != nil {
		return fmt.Errorf("generate: %w", err)
	}
	fmt.Fprintf(b.out, "\n%s, %.0f MB, 2 %% errors, best of %d\n", format, float64(info.Size())/1e6, b.runs)
	var grep taken
	for i, t := range b.tools(format) {
		size := info.Size()
		if t.cut > 0 && t.cut < size { // the last of the tools: the others need the whole
			size = t.cut
			if err := os.Truncate(file, size); err != nil {
				return fmt.Errorf("cut the log: %w", err)
			}
		}
		best, err := b.best(t, file)
		if errors.Is(err, exec.ErrNotFound) {
			fmt.Fprintf(b.out, "  %-28s not installed\n", t.name)
			continue
		}
		if err != nil {
			return err
		}
		if i == 0 {
			grep = best
		}
		b.print(t.name, best, grep, float64(size)/1e9, float64(info.Size())/1e9)
	}
	return nil
}

// print prints what a command took for a number of gigabytes, and its speed over that of grep, which read all.
func (b bench) print(name string, t, grep taken, gb, all float64) {
	ratio := func(d, of time.Duration) (speed, ofGrep float64) {
		speed = gb / d.Seconds()
		return speed, speed / (all / of.Seconds())
	}
	clock, clockRatio := ratio(t.clock, grep.clock)
	processor, processorRatio := ratio(t.processor, grep.processor)
	fmt.Fprintf(b.out, "  %-28s %6.2f s  %5.2f GB/s  %6.2f x grep   processor %6.2f s  %5.2f GB/s  %6.2f x grep\n", name,
		t.clock.Seconds(), clock, clockRatio, t.processor.Seconds(), processor, processorRatio)
}

func (b bench) generate(file, format string) error {
	f, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("generate: %w", err)
	}
	err = write(f, format, b.size, 1, 0.02)
	if closing := f.Close(); err == nil && closing != nil {
		err = fmt.Errorf("generate: %w", closing)
	}
	return err
}

// best runs a command some times and takes the least of each. Its output goes to a file: GNU grep stops at the first match where it
// is /dev/null.
func (b bench) best(t tool, file string) (taken, error) {
	var best taken
	for range b.runs {
		took, err := b.once(t, file)
		if err != nil {
			return taken{}, err
		}
		if best.clock == 0 || took.clock < best.clock {
			best.clock = took.clock
		}
		if best.processor == 0 || took.processor < best.processor {
			best.processor = took.processor
		}
	}
	return best, nil
}

func (b bench) once(t tool, file string) (taken, error) {
	out, err := os.CreateTemp(b.dir, "gatemend-bench-out")
	if err != nil {
		return taken{}, fmt.Errorf("measure: %w", err)
	}
	defer func() { _ = os.Remove(out.Name()) }()
	defer out.Close()
	args := make([]string, len(t.args))
	for i, a := range t.args {
		args[i] = strings.ReplaceAll(a, "FILE", file)
	}
	if _, err := exec.LookPath(args[0]); err != nil {
		return taken{}, err
	}
	if _, err := exec.LookPath("taskset"); err == nil && t.core {
		args = append([]string{"taskset", "-c", "0"}, args...)
	}
	cmd := exec.CommandContext(context.Background(), args[0], args[1:]...)
	var complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Env = out, &complaint, append(os.Environ(), t.env...)
	began := time.Now()
	err = cmd.Run()
	took := taken{clock: time.Since(began)}
	if s := cmd.ProcessState; s != nil {
		took.processor = s.UserTime() + s.SystemTime()
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 && strings.HasPrefix(t.name, "gatemend") {
		err = nil // it found errors
	}
	if errors.As(err, &exit) && exit.ExitCode() == 1 && strings.HasPrefix(t.name, "grep") {
		err = nil // it found none, as in JSON
	}
	if err != nil {
		return taken{}, fmt.Errorf("%s: %w: %s", t.name, err, complaint.String())
	}
	return took, nil
}
