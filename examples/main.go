// Command examples diagnoses every recorded cluster below examples/ with the gatemend program, prints a
// table, and fails if a cause is not the one that was put in. It needs neither a cluster nor a network.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"sigs.k8s.io/yaml"

	"github.com/gatemend/gatemend/internal/model"
)

// expectation is a folder's expect.yaml.
type expectation struct {
	Fault   string          `json:"fault"`
	Route   string          `json:"route"`
	Gateway string          `json:"gateway"`
	Causes  []model.CauseID `json:"causes"` // any of them is right as the first cause
	Object  string          `json:"object"` // "Service shop/cart"; empty: any
}

func main() {
	program := flag.String("gatemend", "bin/gatemend", "the program to run")
	dir := flag.String("dir", "examples", "the folder with the examples")
	verbose := flag.Bool("v", false, "print every diagnosis in full")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	wrong, err := run(ctx, os.Stdout, *program, *dir, *verbose)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "examples:", err)
		os.Exit(3)
	}
	if wrong > 0 {
		fmt.Fprintf(os.Stderr, "examples: %d misdiagnosed\n", wrong)
		os.Exit(1)
	}
}

// run diagnoses every example and gives the number of those that were misdiagnosed.
func run(ctx context.Context, out io.Writer, program, dir string, verbose bool) (wrong int, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*", "expect.yaml"))
	if err != nil {
		return 0, err
	}
	if len(files) == 0 {
		return 0, fmt.Errorf("no %s/*/expect.yaml", dir)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "FAULT\tGATEWAY\tROUTE\tCAUSE NAMED\tAT\tRIGHT")
	for _, file := range files {
		want, err := read(file)
		if err != nil {
			return wrong, err
		}
		example := filepath.Dir(file)
		if dump := filepath.Join(example, "dump"); isDir(dump) {
			example = dump
		}
		if verbose {
			if err := show(ctx, out, program, example); err != nil {
				return wrong, err
			}
		}
		d, err := diagnose(ctx, program, example)
		if err != nil {
			return wrong, err
		}
		cause, object, right := judge(want, d)
		mark := "yes"
		if !right {
			wrong++
			mark = fmt.Sprintf("NO, it is %v at %s", want.Causes, want.Object)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", want.Fault, want.Gateway, want.Route, cause, object, mark)
	}
	return wrong, table.Flush()
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func read(file string) (expectation, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return expectation{}, err
	}
	var want expectation
	if err := yaml.Unmarshal(data, &want); err != nil {
		return expectation{}, fmt.Errorf("%s: %w", file, err)
	}
	return want, nil
}

// judge compares the first cause with what is expected.
func judge(want expectation, d model.Diagnosis) (cause, object string, right bool) {
	if len(d.Causes) == 0 {
		return "none", "-", len(want.Causes) == 0 && d.Healthy
	}
	first := d.Causes[0]
	right = slices.Contains(want.Causes, first.ID) && (want.Object == "" || want.Object == first.Object.Ref.String())
	return string(first.ID), first.Object.Ref.String(), right
}

// diagnose runs the program as a person would. Exit status 1 says that something is wrong, which is
// what examples are for.
func diagnose(ctx context.Context, program, example string) (model.Diagnosis, error) {
	var out, errOut bytes.Buffer
	cmd := exec.CommandContext(ctx, program, "diagnose", "--from", example, "-o", "json")
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := expected(cmd.Run()); err != nil {
		return model.Diagnosis{}, fmt.Errorf("%s: %w: %s", example, err, strings.TrimSpace(errOut.String()))
	}
	var d model.Diagnosis
	if err := json.Unmarshal(out.Bytes(), &d); err != nil {
		return d, fmt.Errorf("%s: read diagnosis: %w", example, err)
	}
	return d, nil
}

func show(ctx context.Context, out io.Writer, program, example string) error {
	cmd := exec.CommandContext(ctx, program, "diagnose", "--from", example)
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	return expected(cmd.Run())
}

// expected lets the exit statuses pass that a diagnosis may have.
func expected(err error) error {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && (exit.ExitCode() == 1 || exit.ExitCode() == 3) {
		return nil
	}
	return err
}
