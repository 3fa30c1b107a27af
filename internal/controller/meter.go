package controller

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatemend/gatemend/api/v1alpha1"
	"github.com/gatemend/gatemend/internal/metrics"
)

// meter counts what happens to incidents: each thing once, by whom it happened to. What a former leader stored was counted
// by it.
type meter struct {
	metrics *metrics.Metrics

	mu      sync.Mutex
	counted map[types.NamespacedName]map[string]bool // what was, by incident
	waiting map[types.NamespacedName]time.Time       // since when incidents wait to be looked at
}

func newMeter(m *metrics.Metrics) *meter {
	return &meter{metrics: m, counted: map[types.NamespacedName]map[string]bool{}, waiting: map[types.NamespacedName]time.Time{}}
}

// take counts what a stored state tells that none told before; old: without counting it.
func (m *meter) take(i *v1alpha1.Incident, old bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key, s := client.ObjectKeyFromObject(i), i.Status
	known := m.counted[key]
	if known == nil {
		known = map[string]bool{}
		m.counted[key] = known
	}
	once := func(what string, count func()) {
		if !known[what] {
			known[what] = true
			if !old {
				count()
			}
		}
	}
	if s.DetectedAt != nil {
		once("detected", func() { m.metrics.IncidentDetected(s.DetectedAt.Sub(i.Spec.Since.Time)) })
		if s.DiagnosedAt != nil {
			once("diagnosed", func() { m.metrics.IncidentDiagnosed(s.DiagnosedAt.Sub(s.DetectedAt.Time)) })
		}
	}
	if s.ResolvedAt != nil && meta.IsStatusConditionTrue(s.Conditions, v1alpha1.ConditionMended) {
		once("mended", func() { m.metrics.IncidentMended(s.ResolvedAt.Sub(i.Spec.Since.Time)) })
	}
	for _, a := range s.Actions {
		if a.Result == resultBegun || a.Result == resultUndoing {
			continue
		}
		once(strconv.FormatInt(a.At.UnixMicro(), 10)+a.Result, func() { m.metrics.Action(a.Action, a.Result) })
	}
}

// forget drops an incident that does not exist any more.
func (m *meter) forget(key types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.counted, key)
	delete(m.waiting, key)
}

// waits and looked say that an incident is to be looked at, and that it is.
func (m *meter) waits(key types.NamespacedName, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, already := m.waiting[key]; !already {
		m.waiting[key] = now
	}
}

func (m *meter) looked(key types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.waiting, key)
}

// standing is where incidents stand.
func (m *meter) standing(all []*v1alpha1.Incident, now time.Time) metrics.Incidents {
	type kind struct{ phase, cause string }
	counts := map[kind]int{}
	for _, i := range all {
		k := kind{string(i.Status.Phase), "none"}
		if d := i.Status.Diagnosis; d != nil {
			k.cause = d.Cause
		}
		counts[k]++
	}
	var out metrics.Incidents
	kinds := slices.SortedFunc(maps.Keys(counts), func(a, b kind) int { return strings.Compare(a.phase+" "+a.cause, b.phase+" "+b.cause) })
	for _, k := range kinds {
		out.Counts = append(out.Counts, metrics.IncidentCount{Phase: k.phase, Cause: k.cause, Count: counts[k]})
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	out.Waiting = len(m.waiting)
	for _, since := range m.waiting {
		out.Oldest = max(out.Oldest, now.Sub(since))
	}
	return out
}
