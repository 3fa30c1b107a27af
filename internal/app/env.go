package app

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	_ "time/tzdata" // policies name time zones, and the smallest images have no database of them

	_ "golang.org/x/crypto/x509roots/fallback" // nor certificates of authorities, for receivers of notifications

	"golang.org/x/term"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/gatemend/gatemend/internal/act"
	"github.com/gatemend/gatemend/internal/approval"
	"github.com/gatemend/gatemend/internal/cli"
	"github.com/gatemend/gatemend/internal/clone"
	"github.com/gatemend/gatemend/internal/guardrail"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/printer"
	"github.com/gatemend/gatemend/internal/proxy/all"
	"github.com/gatemend/gatemend/internal/signal/wholefile"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/source/dump"
	"github.com/gatemend/gatemend/internal/watch"
)

// Env is the real outside of the program. program is the name by which it was called.
func Env(program string, in io.Reader, out, errOut io.Writer, getenv func(string) string) cli.Env {
	return cli.Env{
		In:        in,
		Out:       out,
		Err:       printer.PlainWriter(errOut),
		Terminal:  terminal(in, out, getenv),
		Now:       time.Now,
		Program:   programName(program),
		Build:     build(),
		ReadDump:  readDump,
		LogsIn:    logsIn,
		ReadLogs:  readLogs,
		CountLogs: countLogs,
		ReadFile:  readFile,
		WriteFile: wholefile.Write,
		CommitSource: func(c cli.SourceCommit) (model.GitChange, error) {
			return clone.Commit(clone.Request(c))
		},
		OpenHistory: openHistory,
		OpenEvents: func(path string) (io.WriteCloser, error) {
			return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		},
		ServeMetrics: serveMetrics,
		RunController: func(ctx context.Context, flags genericclioptions.RESTClientGetter, o cli.ControllerOptions) error {
			return runController(ctx, flags, o, errOut)
		},
		RunAgent: func(ctx context.Context, flags genericclioptions.RESTClientGetter, o cli.AgentOptions) error {
			return runAgent(ctx, flags, o, errOut)
		},
		Approvals: func(flags genericclioptions.RESTClientGetter) (cli.Approvals, error) {
			config, err := restConfig(flags)
			return approvals{approval.Desk{Config: config}}, err
		},
		Switch: func(flags genericclioptions.RESTClientGetter, namespace string) (cli.Switch, error) {
			c, err := connect(flags, all.Formats{}, time.Now)
			if err != nil {
				return nil, err
			}
			return act.NewSwitch(c.clients.Kube, namespace, guardrail.StopName, namespace == guardrail.StopNamespace), nil
		},
		Connect: func(flags genericclioptions.RESTClientGetter, formats all.Formats) (cli.Cluster, error) {
			return connect(flags, formats, time.Now)
		},
	}
}

// mostOfFile bounds what is read into memory of a policy, a plan or a journal.
const mostOfFile = 256 << 20

func readFile(path string, stdin io.Reader) ([]byte, error) {
	in := stdin
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in = file
	}
	data, err := io.ReadAll(io.LimitReader(in, mostOfFile+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if len(data) > mostOfFile {
		return nil, fmt.Errorf("read %s: more than %d MiB", path, mostOfFile>>20)
	}
	return data, nil
}

// programName is how a person calls the program: as a plugin of kubectl, its file is kubectl-gatemend.
func programName(arg0 string) string {
	base := strings.TrimSuffix(filepath.Base(arg0), ".exe")
	if plugin, ok := strings.CutPrefix(base, "kubectl-"); ok {
		return "kubectl " + plugin
	}
	return "gatemend"
}

func readDump(path string, stdin io.Reader, now time.Time, formats all.Formats) (*snapshot.Snapshot, watch.LogFiles, error) {
	boundMemory(path)
	var logs []dump.Log
	s, err := dump.Read(path, dump.ReadOptions{Stdin: stdin, At: now, Logs: &logs})
	if err != nil {
		return nil, watch.LogFiles{}, hinted(err)
	}
	return s, logsOf(logs, s, formats), nil
}

// boundMemory has garbage collected early enough that the program takes little more memory than a large
// dump's size. The objects of a dump stay for as long as the program runs; without a bound as much garbage
// would be let lie beside them. A bound that is too low costs time only, and at most every other second
// (see runtime/debug.SetMemoryLimit).
func boundMemory(path string) {
	const least = 128 << 20
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		debug.SetGCPercent(25) // the size is not known: how much garbage there may be beside what stays
		return
	}
	debug.SetMemoryLimit(max(least, info.Size()))
}

// terminal finds out what stdin and stdout are.
func terminal(in io.Reader, out io.Writer, getenv func(string) string) cli.Terminal {
	kind := getenv("TERM")
	t := cli.Terminal{NoColor: getenv("NO_COLOR") != "" || kind == "dumb", Dumb: kind == "dumb" || kind == ""}
	if f, ok := in.(*os.File); ok {
		t.In = term.IsTerminal(int(f.Fd()))
	}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		t.Out = true
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			t.Width = width
		}
	}
	return t
}

// build reads what the Go tool recorded in the binary.
func build() cli.Build {
	b := cli.Build{Version: "devel", GoVersion: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if v := strings.Trim(info.Main.Version, "()"); v != "" {
		b.Version = v
	}
	dirty := ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			b.Commit = s.Value[:min(len(s.Value), 12)]
		case s.Key == "vcs.time":
			b.Date = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+dirty"
		}
	}
	if b.Commit != "" {
		b.Commit += dirty
	}
	b.Version = cmp.Or(b.Version, "devel")
	return b
}

// within opens a folder, or the folder of a file, so that no link in it leads outside.
func within(path string) (files fs.FS, name string, closeRoot func() error, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, "", nil, err
	}
	dir, name := path, "."
	if !info.IsDir() {
		dir, name = filepath.Split(filepath.Clean(path))
		dir = cmp.Or(dir, ".")
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, "", nil, err
	}
	return root.FS(), name, root.Close, nil
}
