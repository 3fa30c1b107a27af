package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/watch"
)

// look reads the cluster or the files once: objects, then what gateways logged in the time before.
func (s *scope) look(ctx context.Context, env Env, since time.Duration) (*watch.Look, error) {
	l := &watch.Look{}
	var cluster Cluster
	var inside watch.LogFiles
	var err error
	if s.from != "" {
		l.Snapshot, inside, err = env.ReadDump(s.from, env.In, env.Now(), s.formats)
	} else {
		if cluster, err = env.Connect(s.kube, s.formats); err == nil {
			l.Pods = cluster
			l.Snapshot, err = cluster.Snapshot(ctx, s.only)
		}
	}
	if err != nil {
		return nil, err
	}
	if cluster != nil && s.logs == "" {
		s.tellIdleFormats(env, l.Snapshot)
		logs, err := cluster.GatewayLogs(ctx, l.Snapshot, env.Now().Add(-since))
		if err != nil {
			return nil, err
		}
		l.Signals, l.Logs, l.Unseen = logs.Signals, logs.Excerpts, append(l.Unseen, logs.Unseen...)
	}
	if cluster != nil && s.dataPlane {
		loaded, unseen := cluster.Loaded(ctx, l.Snapshot)
		l.Loaded, l.Unseen = loaded, append(l.Unseen, unseen...)
	}
	return l, s.readLogs(env, l, inside)
}

// readLogs adds the files of --logs, or else those that came with a dump: beside the objects, or among them.
func (s *scope) readLogs(env Env, l *watch.Look, inside watch.LogFiles) error {
	logs, files := s.logs, inside
	if logs == "" && s.from != "" {
		logs = env.LogsIn(s.from)
	}
	if logs != "" {
		var err error
		if files, err = env.ReadLogs(logs, l.Snapshot, s.formats); err != nil {
			return err
		}
	} else if s.from == "" {
		return nil
	}
	for _, n := range files.Notes {
		fmt.Fprintln(env.Err, "gatemend: "+n)
	}
	l.Signals, l.Logs, l.Unseen = files.Signals, files.Excerpts, append(l.Unseen, files.Unseen...)
	l.Saved = true
	return nil
}

// judge gives the error that ends a command after a diagnosis: nil only if all was looked at and
// nothing is wrong.
func judge(d model.Diagnosis) error {
	switch {
	case len(d.Causes) > 0:
		return errWrong
	case d.Healthy:
		return nil
	case len(d.Observed) > 0 || anyBroken(d.Traces):
		return errWrong
	default:
		return errBlind
	}
}

// advised adds to the error of a diagnosis that could not look at everything what a person can do about it.
func advised(err error, s *snapshot.Snapshot, dump bool) error {
	if !errors.Is(err, errBlind) {
		return err
	}
	denied, failed := false, false
	for _, k := range snapshot.Kinds() {
		coverage, _ := s.Coverage(k)
		denied = denied || coverage == snapshot.Denied || s.Scope(k) != ""
		failed = failed || coverage == snapshot.Failed
	}
	switch {
	case dump:
		return &HintedError{Err: err, Hint: "'gatemend dump DIR' writes all that a diagnosis reads"}
	case failed:
		return &HintedError{Err: err, Hint: "the API server did not answer all that was asked: look again"}
	case denied:
		return &HintedError{Err: err, Hint: "ask for the ClusterRole " + model.ReaderRole + " (config/rbac/reader.yaml): it may read all that is named above"}
	default:
		return err
	}
}

func anyBroken(traces []model.Trace) bool {
	for _, t := range traces {
		for _, h := range t.Hops {
			if h.Verdict == model.Broken {
				return true
			}
		}
	}
	return false
}
