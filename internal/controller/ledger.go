package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatemend/gatemend/api/v1alpha1"
	"github.com/gatemend/gatemend/internal/plan"
)

// errTakenOver says that somebody else has written the journal of an incident: another controller leads.
var errTakenOver = errors.New("another controller has taken the incident over")

// errGone says that there is no such incident any more.
var errGone = errors.New("the incident does not exist any more")

// ledger holds all incidents as they were written last, and writes them. What it says was written is stored: every
// update names the version that it is based on, so that of two writers one fails.
type ledger struct {
	client client.Client
	reader client.Reader // not cached
	// changed hears of every state that is stored, of one incident in the order in which they were; it must not wait, nor
	// use the ledger. nil: nobody does.
	changed func(*v1alpha1.Incident, []plan.Event)
	// forgotten hears of incidents that do not exist any more; nil: nobody does.
	forgotten func(types.NamespacedName)

	mu      sync.Mutex
	entries map[types.NamespacedName]*entry
	open    map[string]types.NamespacedName // incidents that are not over, by their routes
}

// entry is one incident.
type entry struct {
	mu       sync.Mutex
	incident *v1alpha1.Incident // as it is stored; it is replaced, never changed
	events   []plan.Event       // its journal
	gone     bool
}

func newLedger(c client.Client, r client.Reader) *ledger {
	return &ledger{client: c, reader: r, entries: map[types.NamespacedName]*entry{}, open: map[string]types.NamespacedName{}}
}

// pageSize is how many incidents are read at once.
const pageSize = 200

// loadAll reads the incidents of the namespace that is watched, empty for all, and those of the controller's own, where
// incidents are on routes that no object has.
func (l *ledger) loadAll(ctx context.Context, watched, own string) error {
	if watched != "" && own != watched {
		if err := l.load(ctx, own); err != nil {
			return err
		}
	}
	return l.load(ctx, watched)
}

// load reads all incidents of a namespace, or of all: what a leader knows is what is stored.
func (l *ledger) load(ctx context.Context, namespace string) error {
	next := ""
	for {
		var list v1alpha1.IncidentList
		if err := l.reader.List(ctx, &list, client.InNamespace(namespace), client.Limit(pageSize), client.Continue(next)); err != nil {
			return fmt.Errorf("read incidents: %w", err)
		}
		for i := range list.Items {
			if err := l.put(&list.Items[i]); err != nil {
				return err
			}
		}
		if next = list.Continue; next == "" {
			return nil
		}
	}
}

// put takes in an incident that is stored.
func (l *ledger) put(i *v1alpha1.Incident) error {
	events, err := eventsOf(i)
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.entries[client.ObjectKeyFromObject(i)] = &entry{incident: i, events: events}
	l.mu.Unlock()
	l.tell(i, events)
	return nil
}

// tell takes note of a state that was stored, and tells of it.
func (l *ledger) tell(i *v1alpha1.Incident, events []plan.Event) {
	key := client.ObjectKeyFromObject(i)
	l.mu.Lock()
	if first, known := l.open[i.Spec.Route]; over(i) && first == key {
		delete(l.open, i.Spec.Route)
	} else if !over(i) && !known {
		l.open[i.Spec.Route] = key
	}
	l.mu.Unlock()
	if l.changed != nil {
		l.changed(i, events)
	}
}

func eventsOf(i *v1alpha1.Incident) ([]plan.Event, error) {
	events := make([]plan.Event, 0, len(i.Status.Journal))
	for _, j := range i.Status.Journal {
		e, err := eventOf(client.ObjectKeyFromObject(i).String(), j)
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, nil
}

// create stores a new incident, which is told of once it has a status. One of that name that is there is the same: it was
// created before, and the answer was lost.
func (l *ledger) create(ctx context.Context, i *v1alpha1.Incident) error {
	err := l.client.Create(ctx, i)
	if apierrors.IsAlreadyExists(err) {
		err = l.reader.Get(ctx, client.ObjectKeyFromObject(i), i)
	}
	if err != nil {
		return fmt.Errorf("create incident: %w", err)
	}
	key := client.ObjectKeyFromObject(i)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries[key], l.open[i.Spec.Route] = &entry{incident: i}, key
	return nil
}

// forget drops an incident that does not exist any more.
func (l *ledger) forget(key types.NamespacedName) {
	l.mu.Lock()
	e := l.entries[key]
	delete(l.entries, key)
	l.mu.Unlock()
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.gone = true
	if !over(e.incident) { // somebody has deleted it: what is told of it would go on for ever
		l.tell(withdrawn(e.incident), e.events)
	}
	if l.forgotten != nil {
		l.forgotten(key)
	}
}

// of finds the incident of a route that is not over.
func (l *ledger) of(route string) (types.NamespacedName, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key, ok := l.open[clipRoute(route)]
	return key, ok
}

// withdrawn is an incident that was deleted before its end.
func withdrawn(i *v1alpha1.Incident) *v1alpha1.Incident {
	i = i.DeepCopy()
	at := metav1.NewMicroTime(lastWrite(i).Add(time.Microsecond)) // it tells no time of its own
	if d := i.DeletionTimestamp; d != nil && d.After(at.Time) {
		at = metav1.NewMicroTime(d.Time)
	}
	i.Status.Phase, i.Status.Message, i.Status.ResolvedAt = v1alpha1.PhaseResolved, "its Incident was deleted; whether requests still fail is not known", &at
	tell(&i.Status, at, "deleted", i.Status.Message)
	return i
}

func (l *ledger) entry(key types.NamespacedName) *entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.entries[key]
}

// get gives an incident and its journal; nil if there is none. Neither may be changed.
func (l *ledger) get(key types.NamespacedName) (*v1alpha1.Incident, []plan.Event) {
	e := l.entry(key)
	if e == nil {
		return nil, nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.incident, e.events
}

// all gives all incidents, the oldest first. They may not be changed.
func (l *ledger) all() []*v1alpha1.Incident {
	l.mu.Lock()
	entries := make([]*entry, 0, len(l.entries))
	for _, e := range l.entries {
		entries = append(entries, e)
	}
	l.mu.Unlock()
	out := make([]*v1alpha1.Incident, 0, len(entries))
	for _, e := range entries {
		e.mu.Lock()
		out = append(out, e.incident)
		e.mu.Unlock()
	}
	slices.SortFunc(out, func(a, b *v1alpha1.Incident) int {
		if c := a.CreationTimestamp.Compare(b.CreationTimestamp.Time); c != 0 {
			return c
		}
		return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
	})
	return out
}

// events gives the journals of all incidents, the oldest event first.
func (l *ledger) events() []plan.Event {
	var out []plan.Event
	l.mu.Lock()
	entries := make([]*entry, 0, len(l.entries))
	for _, e := range l.entries {
		entries = append(entries, e)
	}
	l.mu.Unlock()
	for _, e := range entries {
		e.mu.Lock()
		out = append(out, e.events...)
		e.mu.Unlock()
	}
	slices.SortStableFunc(out, func(a, b plan.Event) int { return a.At.Compare(b.At) })
	return out
}

// update changes an incident's status and stores it. change is given a copy, and may be called again with another one
// where labels or the like were written meanwhile; it reports whether there is anything to store.
func (l *ledger) update(ctx context.Context, key types.NamespacedName, change func(*v1alpha1.IncidentStatus) (bool, error)) error {
	e := l.entry(key)
	if e == nil {
		return fmt.Errorf("%s: %w", key, errGone)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	const tries = 5
	for try := 1; ; try++ {
		if e.gone {
			return fmt.Errorf("%s: %w", key, errGone)
		}
		next := e.incident.DeepCopy()
		if wanted, err := change(&next.Status); err != nil || !wanted {
			return err
		}
		err := l.client.Status().Update(ctx, next)
		switch {
		case err == nil:
			if err := e.stored(next); err != nil {
				return err
			}
			l.tell(e.incident, e.events)
			return nil
		case apierrors.IsNotFound(err):
			e.gone = true
		case apierrors.IsConflict(err) && try < tries:
			if err := l.again(ctx, e, key); err != nil {
				return err
			}
		default:
			return fmt.Errorf("write incident %s: %w", key, err)
		}
	}
}

// stored takes in what was written.
func (e *entry) stored(next *v1alpha1.Incident) error {
	grown := next.Status.Journal
	if len(grown) < len(e.events) || len(grown) == 0 {
		events, err := eventsOf(next)
		if err != nil {
			return err
		}
		e.events = events
	} else {
		for _, j := range grown[len(e.events):] {
			ev, err := eventOf(client.ObjectKeyFromObject(next).String(), j)
			if err != nil {
				return err
			}
			e.events = append(e.events[:len(e.events):len(e.events)], ev)
		}
	}
	e.incident = next
	return nil
}

// again reads an incident that another writer was faster to write. Labels are anybody's; the journal is the leader's
// alone: if that has moved, it is not us who lead.
func (l *ledger) again(ctx context.Context, e *entry, key types.NamespacedName) error {
	var now v1alpha1.Incident
	if err := l.reader.Get(ctx, key, &now); err != nil {
		if apierrors.IsNotFound(err) {
			e.gone = true
			return nil
		}
		return fmt.Errorf("read incident %s: %w", key, err)
	}
	if now.UID != e.incident.UID || !equality.Semantic.DeepEqual(now.Status.Journal, e.incident.Status.Journal) {
		return fmt.Errorf("%s: %w", key, errTakenOver)
	}
	e.incident = &now
	return nil
}

// journal is one repair's record: that of all incidents to read, its own to write.
type journal struct {
	ledger  *ledger
	key     types.NamespacedName
	attempt int32
	ctx     context.Context //nolint:containedctx // mend.Journal has none; a journal lives as long as one run
}

// Append stores an event in the incident's status, together with what people read of it.
func (j *journal) Append(e plan.Event) error {
	entry, err := entryOf(j.attempt, e)
	if err != nil {
		return err
	}
	return j.ledger.update(j.ctx, j.key, func(s *v1alpha1.IncidentStatus) (bool, error) {
		s.Journal = append(s.Journal, entry)
		events := make([]plan.Event, 0, len(s.Journal))
		for _, kept := range s.Journal {
			ev, err := eventOf(j.key.String(), kept)
			if err != nil {
				return false, err
			}
			events = append(events, ev)
		}
		took(s, events, e)
		return true, nil
	})
}

// Events gives what was recorded of all incidents.
func (j *journal) Events() ([]plan.Event, error) { return j.ledger.events(), nil }
