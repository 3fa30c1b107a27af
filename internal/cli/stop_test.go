package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/genericclioptions"
)

// button is a kill switch that is kept in memory.
type button struct {
	data   map[string]string // nil: nobody has stopped gatemend
	err    error             // of all calls
	unread error             // of Read alone

	namespace string // for which it was asked
}

func (b *button) Read(context.Context) (map[string]string, bool, error) {
	return b.data, b.data != nil, errors.Join(b.err, b.unread)
}

func (b *button) Stop(_ context.Context, data map[string]string) (bool, error) {
	if b.err != nil || b.data != nil {
		return false, b.err
	}
	b.data = data
	return true, nil
}

func (b *button) Resume(context.Context) (bool, error) {
	was := b.data != nil
	if b.err == nil {
		b.data = nil
	}
	return was, b.err
}

func (b *button) run(t *testing.T, args ...string) (exit Exit, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	env := Env{
		Out: &o, Err: &e, Now: func() time.Time { return time.Unix(0, 0) },
		Switch: func(_ genericclioptions.RESTClientGetter, namespace string) (Switch, error) {
			b.namespace = namespace
			return b, nil
		},
	}
	exit = Main(t.Context(), env, args)
	return exit, o.String(), e.String()
}

func TestStopAndResumeSayHowItStands(t *testing.T) {
	var b button
	for _, step := range []struct {
		args []string
		says string
	}{
		{[]string{"resume"}, "is not stopped"},
		{[]string{"stop", "--reason", "storage moves"}, "stopped: gatemend changes nothing"},
		{[]string{"stop", "--reason", "another"}, "stopped already: gatemend was stopped (storage moves, 1970-01-01T00:00:00Z)"},
		{[]string{"resume"}, "may act again"},
		{[]string{"resume"}, "is not stopped"},
		{[]string{"stop"}, "stopped: "},
	} {
		if exit, out, errOut := b.run(t, step.args...); exit != ExitOK || !strings.Contains(out, step.says) {
			t.Errorf("%v: exit %d, %q, %q", step.args, exit, out, errOut)
		}
	}
	for _, step := range []struct {
		args            []string
		namespace, says string
	}{
		{[]string{"resume", "-n", "gatemend"}, "gatemend", "gatemend may act again\n"},
		{[]string{"resume", "-n", "shop"}, "shop", "gatemend is not stopped in namespace shop\n"},
		{[]string{"stop", "-n", "shop"}, "shop", "stopped: gatemend changes nothing in namespace shop until 'gatemend resume -n shop'\n"},
		{[]string{"stop", "-n", "shop"}, "shop", "stopped already: gatemend was stopped in namespace shop (1970-01-01T00:00:00Z); 'gatemend resume -n shop' lets it act again\n"},
		{[]string{"resume", "-n", "shop"}, "shop", "gatemend may act again in namespace shop\n"},
		{[]string{"stop"}, "gatemend", "stopped: gatemend changes nothing until 'gatemend resume'\nwhere it was installed for one namespace alone, it may not see this: gatemend stop -n NAMESPACE\n"},
	} {
		if exit, out, errOut := b.run(t, step.args...); exit != ExitOK || out != step.says || b.namespace != step.namespace {
			t.Errorf("%v: exit %d, %q in namespace %s, %q", step.args, exit, out, b.namespace, errOut)
		}
	}
	b.unread = errors.New("may not get it")
	if exit, out, errOut := b.run(t, "stop"); exit != ExitOK || !strings.Contains(out, "stopped already") {
		t.Errorf("somebody who may only stop: exit %d, %q, %q", exit, out, errOut)
	}
}

// late is a network's error of a server that did not answer in time.
type late struct{}

func (late) Error() string   { return "i/o timeout" }
func (late) Timeout() bool   { return true }
func (late) Temporary() bool { return false }

// Who cannot stop gatemend is told that it goes on, and what else stops it.
func TestStopSaysThatItFailed(t *testing.T) {
	maps := schema.GroupResource{Resource: "configmaps"}
	refused := &url.Error{Op: "Post", URL: "https://10.0.0.1:6443/api/v1/namespaces/gatemend/configmaps", Err: errors.New("connection refused")}
	for name, tc := range map[string]struct {
		err  error
		says []string
	}{
		"no server":    {refused, []string{"gatemend was not stopped: ", "https://10.0.0.1:6443", "connection refused", "gatemend goes on", "kubectl scale deployment"}},
		"too late":     {&url.Error{Op: "Post", URL: "https://10.0.0.1:6443", Err: late{}}, []string{"whether gatemend was stopped is not known: ", "kubectl scale deployment"}},
		"a busy one":   {apierrors.NewTimeoutError("etcd", 1), []string{"whether gatemend was stopped is not known: "}},
		"not allowed":  {apierrors.NewForbidden(maps, "gatemend-stop", errors.New("no")), []string{"gatemend was not stopped: ", "Role gatemend-stopper", "kubectl create configmap gatemend-stop -n gatemend"}},
		"not known":    {apierrors.NewUnauthorized("who?"), []string{"gatemend was not stopped: ", "log in again"}},
		"not possible": {apierrors.NewInternalError(errors.New("webhook")), []string{"gatemend was not stopped: ", "kubectl scale deployment"}},
	} {
		exit, out, errOut := (&button{err: fmt.Errorf("create it: %w", tc.err)}).run(t, "stop")
		if exit != ExitCouldNot || out != "" {
			t.Errorf("%s: exit %d, %q", name, exit, out)
		}
		for _, words := range tc.says {
			if !strings.Contains(errOut, words) {
				t.Errorf("%s: it does not say %q:\n%s", name, words, errOut)
			}
		}
	}
	anew := &button{err: apierrors.NewConflict(maps, "gatemend-stop", errors.New("uid"))}
	if exit, _, errOut := anew.run(t, "resume"); exit != ExitCouldNot || !strings.Contains(errOut, "somebody has stopped gatemend anew") {
		t.Errorf("exit %d, %q", exit, errOut)
	}
}
