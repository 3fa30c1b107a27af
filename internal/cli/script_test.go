package cli_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/app"
	"github.com/gatemend/gatemend/internal/cli"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/store/sqlite"
	"github.com/gatemend/gatemend/internal/testkit"
	"github.com/gatemend/gatemend/internal/testkit/storetest"
)

// TestMain lets the scripts run the whole program as 'gatemend' and as 'kubectl-gatemend'.
func TestMain(m *testing.M) {
	program := func() {
		app.Quiet()
		env := app.Env(os.Args[0], os.Stdin, os.Stdout, os.Stderr, os.Getenv)
		os.Exit(int(cli.Main(context.Background(), env, os.Args[1:])))
	}
	testscript.Main(m, map[string]func(){"gatemend": program, "kubectl-gatemend": program})
}

// TestScripts runs the commands with their streams and exit statuses. Each script finds a healthy
// cluster in shop.yaml, and kubeconfigs of API servers that misbehave.
func TestScripts(t *testing.T) {
	shop, err := os.ReadFile(filepath.Join("testdata", "cluster", "shop.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		UpdateScripts:       testkit.Updating(),
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("NO_COLOR", "1")
			env.Setenv("KUBECONFIG", filepath.Join(env.WorkDir, "none"))
			for name, handler := range map[string]http.HandlerFunc{
				"unauthorized": answer(http.StatusUnauthorized, metav1.StatusReasonUnauthorized),
				"forbidden":    answer(http.StatusForbidden, metav1.StatusReasonForbidden),
			} {
				server := httptest.NewServer(handler)
				env.Defer(server.Close)
				if err := writeKubeconfig(env.WorkDir, name, server.URL); err != nil {
					return err
				}
			}
			if err := writeHistory(env.WorkDir); err != nil {
				return err
			}
			closed := httptest.NewServer(http.NotFoundHandler())
			closed.Close()
			if err := writeKubeconfig(env.WorkDir, "refused", closed.URL); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(env.WorkDir, "shop.yaml"), shop, 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"replace":  replace,
			"status":   status,
			"compress": compress,
			"binary":   binary,
		},
	})
}

// writeHistory makes a history of two clusters that have an incident of the same name.
func writeHistory(dir string) error {
	s, err := sqlite.Open(filepath.Join(dir, "history.db"), sqlite.Options{})
	if err != nil {
		return err
	}
	there, open := storetest.Sample("us-1", "cart-1"), storetest.Sample("eu-1", "cart-2")
	open.Phase, open.Closed, open.Opened, open.Routes = model.PhaseMending, time.Time{}, open.Opened.Add(time.Hour), []string{"a\x1b[31mb/"}
	for _, i := range []model.Incident{storetest.Sample("eu-1", "cart-1"), there, open} {
		if err := s.Save(context.Background(), i); err != nil {
			return errors.Join(err, s.Close())
		}
	}
	return s.Close()
}

// answer is an API server that gives one answer to everything.
func answer(code int32, reason metav1.StatusReason) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(int(code))
		_ = json.NewEncoder(w).Encode(metav1.Status{ // a client that hung up needs no answer
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"},
			Status:   metav1.StatusFailure, Code: code, Reason: reason, Message: fmt.Sprintf("%s: %s", strings.ToLower(string(reason)), r.URL.Path),
		})
	}
}

func writeKubeconfig(dir, name, server string) error {
	text := fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"lab",
"contexts":[{"name":"lab","context":{"cluster":"lab","user":"dev"}}],
"clusters":[{"name":"lab","cluster":{"server":%q}}],"users":[{"name":"dev","user":{"token":"t"}}]}`, server)
	return os.WriteFile(filepath.Join(dir, name+".kubeconfig"), []byte(text), 0o600)
}

// replace FILE OLD NEW OUT writes a copy of a file with every OLD replaced; OLD must be there.
func replace(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: replace FILE OLD NEW OUT")
	}
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s does not contain %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[3]), []byte(strings.ReplaceAll(text, args[1], args[2])), 0o600))
}

// status WANT COMMAND... runs a command and checks its exit status, which 'exec' does not tell.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status WANT COMMAND...")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if err != nil {
		got = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if got != args[0] {
		ts.Fatalf("exit status %s, want %s\nstdout: %s\nstderr: %s", got, args[0], ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

// compress FILE OUT [BYTES] writes a file compressed with gzip, or the first bytes of that.
func compress(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: compress FILE OUT [BYTES]")
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte(ts.ReadFile(args[0])))
	ts.Check(err)
	ts.Check(z.Close())
	if len(args) == 3 {
		n, err := strconv.Atoi(args[2])
		ts.Check(err)
		b.Truncate(n)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), b.Bytes(), 0o600))
}

// binary OUT writes what is no text, without a line end.
func binary(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: binary OUT")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte("\x7fELF\x00\x01\xff\xfe\n"), 0o600))
}
