// Command diagnose measures 'gatemend diagnose --from' on a dump of a large cluster, which it makes itself,
// against its targets: at most twice the time of merely decoding the dump with sigs.k8s.io/json, at most 1.2
// times the dump's size as memory, and all routes evaluated within a second on one core. It fails only if
// it cannot measure; a target that is missed is printed.
package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/gatemend/gatemend/internal/diagnose"
	"github.com/gatemend/gatemend/internal/source/dump"
)

func main() {
	program := flag.String("gatemend", "bin/gatemend", "the program to measure")
	services := flag.Int("services", 5000, "Services, each with an Ingress")
	pods := flag.Int("pods", 10, "pods of each Service")
	forms := flag.String("forms", "managed,compact,kubectl,broken", "forms of the dump: compact JSON with and without managedFields, as kubectl prints it, and compact with a tenth of the routes broken")
	runs := flag.Int("runs", 3, "how often each is measured; the smallest counts")
	keep := flag.String("keep", "", "a folder in which to leave the dumps")
	// The program measures parts of itself in processes of their own, so that one does not pay for another's garbage.
	part := flag.String("part", "", "peer or evaluate: measure this alone, on the dump -file")
	file := flag.String("file", "", "the dump of -part")
	profile := flag.String("profile", "", "a file for the CPU profile of -part")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if *part != "" {
		err = alone(os.Stdout, *part, *file, *profile)
	} else {
		err = run(ctx, os.Stdout, bench{program: *program, size: size{*services, *pods}, runs: *runs, keep: *keep}, *forms)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to stop
	}
}

// bench is what is measured.
type bench struct {
	program string
	size    size
	runs    int
	keep    string
}

// measured are the figures of one dump.
type measured struct {
	bytes, memory            int64
	peer, diagnose, evaluate time.Duration
}

func run(ctx context.Context, out io.Writer, b bench, forms string) error {
	dir := b.keep
	if dir == "" {
		made, err := os.MkdirTemp("", "gatemend-bench-")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(made) }()
		dir = made
	}
	fmt.Fprintf(out, "%d Services, %d Ingresses, %d pods; %s %s/%s, %d cores; the smallest of %d runs\n\n",
		b.size.services, b.size.services, b.size.services*b.size.pods, runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), b.runs)
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "dump\twhat\ttarget\tmeasured\tratio\t")
	for name := range strings.SplitSeq(forms, ",") {
		f := form{name: name, managed: name == "managed", indent: name == "kubectl", broken: name == "broken"}
		m, err := b.measure(ctx, filepath.Join(dir, name+".json"), f)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		fmt.Fprintf(w, "%s, %d MB\tdecode with sigs.k8s.io/json\t\t%s\t\t\n", name, m.bytes>>20, m.peer.Round(time.Millisecond))
		row(w, "diagnose --from", 2*m.peer, m.diagnose, float64(m.diagnose)/float64(m.peer))
		fmt.Fprintf(w, "\tpeak memory\t<= %d MB\t%d MB\t%.2f\t%s\n", m.bytes*12/10>>20, m.memory>>20, float64(m.memory)/float64(m.bytes), ok(m.memory*10 <= m.bytes*12))
		row(w, "evaluate all routes, one core", time.Second, m.evaluate, m.evaluate.Seconds())
	}
	return w.Flush()
}

func row(w io.Writer, what string, target, got time.Duration, ratio float64) {
	fmt.Fprintf(w, "\t%s\t<= %s\t%s\t%.2f\t%s\n", what, target.Round(time.Millisecond), got.Round(time.Millisecond), ratio, ok(got <= target))
}

func ok(met bool) string {
	if met {
		return "ok"
	}
	return "not met"
}

// measure writes a dump and measures it.
func (b bench) measure(ctx context.Context, path string, f form) (measured, error) {
	file, err := os.Create(path)
	if err != nil {
		return measured{}, err
	}
	err = errors.Join(write(file, b.size, f), file.Close())
	if b.keep == "" {
		defer func() { _ = os.Remove(path) }()
	}
	if err != nil {
		return measured{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return measured{}, err
	}
	m := measured{bytes: info.Size()}
	for range b.runs {
		if err := b.once(ctx, path, &m); err != nil {
			return m, err
		}
	}
	return m, nil
}

// once measures each part once, one after the other, so that a slow moment of the machine is shared.
func (b bench) once(ctx context.Context, path string, m *measured) error {
	peer, err := b.part(ctx, "peer", path)
	if err != nil {
		return err
	}
	evaluate, err := b.part(ctx, "evaluate", path)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, b.program, "diagnose", "--from", path)
	var said bytes.Buffer
	cmd.Stderr = &said
	err = cmd.Run()
	if exit, isExit := errors.AsType[*exec.ExitError](err); err != nil && (!isExit || exit.ExitCode() != 0 && exit.ExitCode() != 1 && exit.ExitCode() != 3) {
		return fmt.Errorf("%s: %w: %s", cmd, err, said.String())
	}
	usage, isUnix := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !isUnix {
		return errors.New("this system does not tell how much memory a process used")
	}
	took := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime() // what else the machine does does not count
	memory := usage.Maxrss << 10                                        // Linux counts in KiB
	m.peer = min(cmp.Or(m.peer, peer), peer)
	m.evaluate = min(cmp.Or(m.evaluate, evaluate), evaluate)
	m.diagnose = min(cmp.Or(m.diagnose, took), took)
	m.memory = max(m.memory, memory)
	return nil
}

// part measures a part in a process of its own.
func (b bench) part(ctx context.Context, what, path string) (time.Duration, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, self, "-part", what, "-file", path)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("%s: %w", what, err)
	}
	nanoseconds, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	return time.Duration(nanoseconds), err
}

// alone measures a part and prints its nanoseconds.
func alone(out io.Writer, what, path, profile string) error {
	measure := peer
	if what == "evaluate" {
		measure = evaluate
	}
	if profile != "" {
		f, err := os.Create(profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	took, err := measure(path)
	fmt.Fprintln(out, took.Nanoseconds())
	return err
}

// evaluate walks all routes and asks all analyzers, on one core, and gives the time that the core needed:
// what else the machine does then does not count.
func evaluate(path string) (time.Duration, error) {
	s, err := dump.Read(path, dump.ReadOptions{})
	if err != nil {
		return 0, err
	}
	runtime.GC()
	runtime.GOMAXPROCS(1)
	begin := processorTime()
	d := diagnose.Diagnose(diagnose.Input{Snapshot: s})
	took := processorTime() - begin
	well := 0
	for _, t := range d.Traces {
		if t.Predicts == "200" {
			well++
		}
	}
	if n := len(d.Traces); well != n && well != n-n/10 {
		return took, fmt.Errorf("%d of %d routes work: the dump is not as it was meant", well, n)
	}
	return took, nil
}

// processorTime is the time that the process has used so far.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
