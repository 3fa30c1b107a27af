package cli

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/diagnose"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// look is everything that was read for a diagnosis.
type look struct {
	snapshot *snapshot.Snapshot
	signals  []model.Signal
	logs     []model.LogExcerpt
	loaded   []model.Loaded
	saved    bool // the logs were saved before: there are no others to ask for
	unseen   []model.Unseen
	cluster  Cluster // nil if files were read
	deleted  []metav1.Object
	probe    bool // make active checks
}

// look reads the cluster or the files once: objects, then what gateways logged in the time before.
func (s *scope) look(ctx context.Context, env Env, since time.Duration) (*look, error) {
	l := &look{}
	var inside LogFiles
	var err error
	if s.from != "" {
		l.snapshot, inside, err = env.ReadDump(s.from, env.In, env.Now(), s.formats)
	} else {
		l.cluster, err = env.Connect(s.kube, s.formats)
		if err == nil {
			l.snapshot, err = l.cluster.Snapshot(ctx, s.only)
		}
	}
	if err != nil {
		return nil, err
	}
	if l.cluster != nil && s.logs == "" {
		logs, err := l.cluster.GatewayLogs(ctx, l.snapshot, env.Now().Add(-since))
		if err != nil {
			return nil, err
		}
		l.signals, l.logs, l.unseen = logs.Signals, logs.Excerpts, append(l.unseen, logs.Unseen...)
	}
	if l.cluster != nil && s.dataPlane {
		loaded, unseen := l.cluster.Loaded(ctx, l.snapshot)
		l.loaded, l.unseen = loaded, append(l.unseen, unseen...)
	}
	return l, s.readLogs(env, l, inside)
}

// readLogs adds the files of --logs, or else those that came with a dump: beside the objects, or among them.
func (s *scope) readLogs(env Env, l *look, inside LogFiles) error {
	logs, files := s.logs, inside
	if logs == "" && s.from != "" {
		logs = env.LogsIn(s.from)
	}
	if logs != "" {
		var err error
		if files, err = env.ReadLogs(logs, l.snapshot, s.formats); err != nil {
			return err
		}
	} else if s.from == "" {
		return nil
	}
	for _, n := range files.Notes {
		fmt.Fprintln(env.Err, "gatemend: "+n)
	}
	l.signals, l.logs, l.unseen = files.Signals, files.Excerpts, append(l.unseen, files.Unseen...)
	l.saved = true
	return nil
}

// diagnose judges what was read. If the first answer says that logs of applications would tell more,
// and there is a cluster to ask, they are fetched and everything is judged again.
func (l *look) diagnose(ctx context.Context, target model.Target) model.Diagnosis {
	memory := plan.Memory{Deleted: l.deleted}
	in := diagnose.Input{
		Snapshot: l.snapshot, Target: target, Signals: l.signals, Logs: l.logs, Loaded: l.loaded, Unseen: l.unseen,
		Mended: func(f model.Finding) (*snapshot.Snapshot, bool) { return plan.WithMended(f, l.snapshot, memory) },
	}
	d := diagnose.Diagnose(in)
	if l.cluster != nil && !l.saved {
		if wanted := diagnose.WantsLogs(d, l.snapshot); len(wanted) > 0 {
			excerpts, unseen := l.cluster.AppLogs(ctx, wanted)
			in.Logs = append(in.Logs[:len(in.Logs):len(in.Logs)], excerpts...)
			in.Unseen = append(in.Unseen[:len(in.Unseen):len(in.Unseen)], unseen...)
			d = diagnose.Diagnose(in)
		}
	}
	if l.probe {
		var unseen []model.Unseen
		in.Probes, unseen = l.cluster.Probe(ctx, diagnose.WantsProbes(d, l.snapshot))
		in.Unseen = append(in.Unseen[:len(in.Unseen):len(in.Unseen)], unseen...)
		d = diagnose.Diagnose(in)
	}
	d.Remedies = plan.Remedies(d, l.snapshot, memory)
	return d
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
