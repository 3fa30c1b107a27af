package watch

import (
	"context"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/diagnose"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Look is everything that was read for a diagnosis.
type Look struct {
	Snapshot *snapshot.Snapshot
	Map      *path.Map // of the snapshot; nil: it is made
	Signals  []model.Signal
	Logs     []model.LogExcerpt
	Loaded   []model.Loaded
	Saved    bool // the logs were saved before: there are no others to ask for
	Unseen   []model.Unseen
	Pods     Pods // nil if files were read
	Deleted  []metav1.Object
	Probe    bool   // make active checks
	Guest    string // the image of the containers that may join pods for them; empty: none may
}

// Diagnose judges what was read. If the first answer says that logs of applications would tell more,
// and there is a cluster to ask, they are fetched and everything is judged again.
func (l *Look) Diagnose(ctx context.Context, target model.Target) model.Diagnosis {
	memory, routes := plan.Memory{Deleted: l.Deleted}, l.Map
	if routes == nil {
		routes = path.New(l.Snapshot)
	}
	in := diagnose.Input{
		Snapshot: l.Snapshot, Map: routes, Target: target, Signals: l.Signals, Logs: l.Logs, Loaded: l.Loaded, Unseen: l.Unseen,
		Mended: func(f model.Finding, m *path.Map) (*snapshot.Snapshot, bool) { return plan.WithMended(f, m, memory) },
	}
	d := diagnose.Diagnose(in)
	if l.Pods != nil && !l.Saved {
		if wanted := diagnose.WantsLogs(d, l.Snapshot); len(wanted) > 0 {
			excerpts, unseen := l.Pods.AppLogs(ctx, wanted)
			in.Logs = append(in.Logs[:len(in.Logs):len(in.Logs)], excerpts...)
			in.Unseen = append(in.Unseen[:len(in.Unseen):len(in.Unseen)], unseen...)
			d = diagnose.Diagnose(in)
		}
	}
	if l.Probe {
		var unseen []model.Unseen
		in.Probes, unseen = l.Pods.Probe(ctx, diagnose.WantsProbes(d, routes), l.Guest)
		in.Unseen = append(in.Unseen[:len(in.Unseen):len(in.Unseen)], unseen...)
		d = diagnose.Diagnose(in)
	}
	d.Remedies = plan.Remedies(d, routes, memory)
	return d
}

// Only leaves one cause in a diagnosis, with its remedies; no id leaves all.
func Only(d model.Diagnosis, id model.CauseID) model.Diagnosis {
	if id == "" {
		return d
	}
	d.Causes = slices.DeleteFunc(slices.Clone(d.Causes), func(f model.Finding) bool { return f.ID != id })
	d.Remedies = slices.DeleteFunc(slices.Clone(d.Remedies), func(r model.Remedy) bool { return r.Cause != id })
	return d
}
