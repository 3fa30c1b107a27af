package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/gatemend/gatemend/internal/guardrail"
	"github.com/gatemend/gatemend/internal/mend"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy/all"
	"github.com/gatemend/gatemend/internal/snapshot"
)

const stopLong = `Stop every gatemend that looks at this cluster from changing anything, at once and until 'gatemend resume'.

It makes a ConfigMap named gatemend-stop in namespace gatemend, and that namespace if need be; for as long as it
exists nothing is changed, whoever says yes. What was changed and is being verified is still taken back if it does
not help. Without gatemend: kubectl create configmap gatemend-stop -n gatemend`

func newStop(env Env) *cobra.Command {
	var kube *genericclioptions.ConfigFlags
	var reason string
	cmd := &cobra.Command{
		Use:     "stop",
		Short:   "Stop every gatemend in the cluster from changing anything",
		Long:    stopLong,
		Example: "  gatemend stop --reason 'the storage is being moved'",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cluster, err := env.Connect(kube, all.Formats{})
			if err != nil {
				return err
			}
			return stop(cmd.Context(), env, cluster.Actor(), reason)
		},
	}
	kube = kubeFlags(cmd.Flags())
	cmd.Flags().StringVar(&reason, "reason", "", "what everybody is told who asks why nothing is mended")
	return cmd
}

// stop makes the ConfigMap before it asks for anything: this is for emergencies.
func stop(ctx context.Context, env Env, actor mend.Actor, reason string) error {
	data := map[string]string{"at": env.Now().UTC().Format(time.RFC3339)}
	if reason != "" {
		data["reason"] = reason
	}
	cm, err := creation(stopRef(), map[string]any{"data": data})
	if err != nil {
		return err
	}
	_, err = actor.Apply(ctx, cm)
	if err != nil && !mend.Stale(err) {
		ns, nsErr := creation(model.Ref{APIVersion: "v1", Kind: string(snapshot.Namespaces), Name: guardrail.StopNamespace}, nil)
		if nsErr != nil {
			return nsErr
		}
		if _, nsErr = actor.Apply(ctx, ns); nsErr == nil {
			_, err = actor.Apply(ctx, cm)
		}
	}
	switch {
	case err != nil && mend.Stale(err):
		_, err = fmt.Fprintln(env.Out, "gatemend is stopped already; 'gatemend resume' lets it act again")
	case err != nil:
		return &HintedError{Err: err, Hint: "somebody who may: kubectl create namespace gatemend; kubectl create configmap gatemend-stop -n gatemend"}
	default:
		_, err = fmt.Fprintln(env.Out, "stopped: gatemend changes nothing until 'gatemend resume'")
	}
	return err
}

func stopRef() model.Ref {
	return model.Ref{APIVersion: "v1", Kind: string(snapshot.ConfigMaps), Namespace: guardrail.StopNamespace, Name: guardrail.StopName}
}

// creation is the change that creates an object with some fields beside its name.
func creation(ref model.Ref, fields map[string]any) (model.Change, error) {
	o := map[string]any{"apiVersion": ref.APIVersion, "kind": ref.Kind, "metadata": map[string]any{"name": ref.Name, "namespace": ref.Namespace}}
	if ref.Namespace == "" {
		o["metadata"] = map[string]any{"name": ref.Name}
	}
	for k, v := range fields {
		o[k] = v
	}
	data, err := json.Marshal(o)
	if err != nil {
		return model.Change{}, fmt.Errorf("encode %s: %w", ref, err)
	}
	return model.Change{Op: model.OpCreate, Target: ref, Object: data}, nil
}

func newResume(env Env) *cobra.Command {
	var kube *genericclioptions.ConfigFlags
	cmd := &cobra.Command{
		Use:     "resume",
		Short:   "Let gatemend act again after 'gatemend stop'",
		Long:    "Let gatemend act again after 'gatemend stop': the ConfigMap gatemend-stop in namespace gatemend is deleted.",
		Example: "  gatemend resume",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cluster, err := env.Connect(kube, all.Formats{})
			if err != nil {
				return err
			}
			return resume(cmd.Context(), env, cluster)
		},
	}
	kube = kubeFlags(cmd.Flags())
	return cmd
}

func resume(ctx context.Context, env Env, cluster Cluster) error {
	s, err := cluster.Snapshot(ctx, guardrail.StopNamespace)
	if err != nil {
		return err
	}
	cm, presence := s.ConfigMaps().Get(guardrail.StopNamespace, guardrail.StopName)
	switch presence {
	case snapshot.Absent:
		_, err := fmt.Fprintln(env.Out, "gatemend is not stopped")
		return err
	case snapshot.Present:
	default:
		return &HintedError{Err: errors.New(guardrail.StopOf(s).Unknown), Hint: "somebody who may: kubectl delete configmap gatemend-stop -n gatemend"}
	}
	if _, err := cluster.Actor().Apply(ctx, model.Change{Op: model.OpDelete, Target: stopRef(), UID: string(cm.UID)}); err != nil {
		return &HintedError{Err: err, Hint: "somebody who may: kubectl delete configmap gatemend-stop -n gatemend"}
	}
	_, err = fmt.Fprintln(env.Out, "gatemend may act again")
	return err
}
