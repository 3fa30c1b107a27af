package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/gatemend/gatemend/internal/guardrail"
)

// Switch is the kill switch of a cluster, or of one namespace.
type Switch interface {
	// Read gives what whoever stopped gatemend said; false: nobody has.
	Read(ctx context.Context) (data map[string]string, stopped bool, err error)
	// Stop stops gatemend; false: that was so already.
	Stop(ctx context.Context, data map[string]string) (stopped bool, err error)
	// Resume takes that back; false: nobody had stopped it.
	Resume(ctx context.Context) (resumed bool, err error)
}

const stopLong = `Stop every gatemend that looks at this cluster from changing anything, at once and until 'gatemend resume'.

It makes a ConfigMap named gatemend-stop in namespace gatemend, and that namespace if need be; for as long as it
exists nothing is changed, whoever says yes. What was changed and is being verified is still taken back if it does
not help. Without gatemend: kubectl create configmap gatemend-stop -n gatemend

With -n NAMESPACE only what would change an object of that namespace is stopped, and the ConfigMap is made there. A
gatemend that was installed for one namespace alone, and may read no other, is stopped by that and nothing else.

It takes the Role gatemend-stopper in that namespace (config/rbac/stopper.yaml), and nothing else.`

const resumeLong = `Let gatemend act again after 'gatemend stop': the ConfigMap gatemend-stop in namespace gatemend is deleted, or with
-n NAMESPACE the one there. What was stopped both ways must be resumed both ways.

It takes the Role gatemend-stopper in that namespace (config/rbac/stopper.yaml), and nothing else.`

func newStop(env Env) *cobra.Command {
	var kube *genericclioptions.ConfigFlags
	var reason string
	cmd := &cobra.Command{
		Use:     "stop",
		Short:   "Stop every gatemend in the cluster from changing anything",
		Long:    stopLong,
		Example: "  gatemend stop --reason 'the storage is being moved'\n  gatemend stop -n shop",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			where := placeOf(kube)
			s, err := env.Switch(kube, where.namespace())
			if err != nil {
				return fmt.Errorf("gatemend was not stopped: %w", err)
			}
			return stop(cmd.Context(), env, s, where, reason)
		},
	}
	kube = kubeFlags(cmd.Flags())
	cmd.Flags().StringVar(&reason, "reason", "", "what everybody is told who asks why nothing is mended")
	return cmd
}

// place is where gatemend is stopped: in one namespace, or in all if it is empty.
type place string

// placeOf is what -n says; the namespace of the kubeconfig's context does not count, as nobody thinks of it in an emergency.
func placeOf(kube *genericclioptions.ConfigFlags) place {
	if *kube.Namespace == guardrail.StopNamespace {
		return ""
	}
	return place(*kube.Namespace)
}

// namespace has the switch.
func (p place) namespace() string { return cmp.Or(string(p), guardrail.StopNamespace) }

// flag is that of a command for this place, with a space before it.
func (p place) flag() string {
	if p == "" {
		return ""
	}
	return " -n " + string(p)
}

// answerWithin is how long an API server may take over the kill switch: a person waits for it who has another way.
const answerWithin = 20 * time.Second

// stop asks for nothing first: this is for emergencies.
func stop(ctx context.Context, env Env, s Switch, where place, reason string) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	data := map[string]string{"at": env.Now().UTC().Format(time.RFC3339)}
	if reason != "" {
		data["reason"] = reason
	}
	stopped, err := s.Stop(ctx, data)
	if err != nil {
		return notStopped(err, where)
	}
	text := "stopped: gatemend changes nothing until 'gatemend resume'"
	if where != "" {
		text = fmt.Sprintf("stopped: gatemend changes nothing in namespace %s until 'gatemend resume -n %s'", where, where)
	}
	if !stopped {
		text = "stopped already: " + guardrail.Stop{Stopped: true, Namespace: string(where), Because: because(ctx, s)}.String()
	}
	if where == "" {
		text += "\nwhere it was installed for one namespace alone, it may not see this: gatemend stop -n NAMESPACE"
	}
	_, err = fmt.Fprintln(env.Out, text)
	return err
}

// because is what whoever stopped gatemend said, where that may be read.
func because(ctx context.Context, s Switch) string {
	data, _, err := s.Read(ctx)
	if err != nil {
		return "why may not be read"
	}
	return guardrail.Because(data)
}

// notStopped says that gatemend goes on, and what else stops it.
func notStopped(err error, where place) error {
	what := "gatemend was not stopped"
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() || apierrors.IsTimeout(err) || apierrors.IsServerTimeout(err) {
		what = "whether gatemend was stopped is not known" // the request may have arrived
	}
	byHand := "kubectl create configmap " + guardrail.StopName + " -n " + where.namespace()
	hint := fmt.Sprintf(`gatemend goes on wherever it reaches the API server. Try again where that answers you, or with another --context or --kubeconfig:
  gatemend stop%s
  %s
or end the controller: kubectl scale deployment -n %s -l app.kubernetes.io/name=gatemend --replicas=0
and whatever runs 'gatemend fix' or 'gatemend watch' elsewhere`, where.flag(), byHand, where.namespace())
	switch {
	case apierrors.IsUnauthorized(err):
		hint = "log in again, or choose another user with --context or --kubeconfig; 'kubectl auth whoami' shows who you are"
	case apierrors.IsForbidden(err):
		hint = "it takes the Role gatemend-stopper in namespace " + where.namespace() + " (config/rbac/stopper.yaml); somebody who may: "
		if where == "" {
			hint += "kubectl create namespace " + guardrail.StopNamespace + "; "
		}
		hint += byHand
	case apierrors.IsNotFound(err):
		hint = "no gatemend acts in a namespace that does not exist; 'kubectl get namespaces' lists those that do"
	}
	return &HintedError{Err: fmt.Errorf("%s: %w", what, err), Hint: hint}
}

func newResume(env Env) *cobra.Command {
	var kube *genericclioptions.ConfigFlags
	cmd := &cobra.Command{
		Use:     "resume",
		Short:   "Let gatemend act again after 'gatemend stop'",
		Long:    resumeLong,
		Example: "  gatemend resume\n  gatemend resume -n shop",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			where := placeOf(kube)
			s, err := env.Switch(kube, where.namespace())
			if err != nil {
				return err
			}
			return resume(cmd.Context(), env, s, where)
		},
	}
	kube = kubeFlags(cmd.Flags())
	return cmd
}

func resume(ctx context.Context, env Env, s Switch, where place) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	resumed, err := s.Resume(ctx)
	in := ""
	if where != "" {
		in = " in namespace " + string(where)
	}
	text := "gatemend is not stopped" + in
	switch {
	case apierrors.IsConflict(err):
		return &HintedError{Err: fmt.Errorf("somebody has stopped gatemend anew in the meantime: %w", err), Hint: "ask why, then call 'gatemend resume" + where.flag() + "' again"}
	case err != nil:
		return &HintedError{Err: err, Hint: "it takes the Role gatemend-stopper in namespace " + where.namespace() + " (config/rbac/stopper.yaml); somebody who may: kubectl delete configmap " + guardrail.StopName + " -n " + where.namespace()}
	case resumed:
		text = "gatemend may act again" + in
	}
	_, err = fmt.Fprintln(env.Out, text)
	return err
}
