package podlog

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy/all"
	"github.com/gatemend/gatemend/internal/signal/feed"
)

// Follower follows logs until its context is done.
type Follower struct {
	client  kubernetes.Interface
	options Options
	feed    *feed.Feed
	listed  chan struct{}
	group   sync.WaitGroup
	counts  counters

	mu      sync.Mutex
	streams map[types.UID]*stream
	waiting map[types.UID]*corev1.Pod // gateways for which there is no place
	resting map[model.Ref]bool        // gateways that are read elsewhere
	over    bool                      // no stream may be started any more
}

// Stream begins to follow. It returns at once; everything it starts ends with ctx, after which the channel
// of signals is closed.
func Stream(ctx context.Context, client kubernetes.Interface, o Options) *Follower {
	o = o.withDefaults()
	f := &Follower{
		client:  client,
		options: o,
		feed:    feed.New("gateways' logs", o.Buffer),
		listed:  make(chan struct{}),
		streams: map[types.UID]*stream{},
		waiting: map[types.UID]*corev1.Pod{},
		resting: map[model.Ref]bool{},
	}
	discovered := make(chan struct{})
	go func() {
		defer close(discovered)
		f.discover(ctx)
	}()
	go func() {
		<-discovered
		f.mu.Lock()
		f.over = true
		f.mu.Unlock()
		f.group.Wait()
		f.feed.Close()
	}()
	return f
}

// Signals is where signals arrive, in the order of each log. It is closed when the context is done and
// all logs are closed.
func (f *Follower) Signals() <-chan model.Signal { return f.feed.Signals() }

// Listed is closed once the pods were listed for the first time, so that Pods is complete.
func (f *Follower) Listed() <-chan struct{} { return f.listed }

// Counts says how much was read so far.
func (f *Follower) Counts() Counts {
	c := f.counts.read()
	c.Dropped = f.feed.Dropped()
	return c
}

// Pods returns the gateway pods that are followed, sorted.
func (f *Follower) Pods() []model.Ref {
	f.mu.Lock()
	defer f.mu.Unlock()
	pods := make([]model.Ref, 0, len(f.streams))
	for _, s := range f.streams {
		pods = append(pods, s.pod)
	}
	slices.SortFunc(pods, model.Ref.Compare)
	return pods
}

// Unseen returns what cannot be followed at the moment, and why, sorted.
func (f *Follower) Unseen() []model.Unseen { return f.feed.Unseen() }

// Notices returns what a person should be told of losses since the last call.
func (f *Follower) Notices() []string { return f.feed.Notices() }

// noteStream records why a log cannot be followed, unless the pod is gone meanwhile; an empty reason takes the
// note back.
func (f *Follower) noteStream(s *stream, why string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.streams[s.uid] == s {
		f.feed.Note(s.what(), why)
	}
}

// add begins to follow a pod if it is a gateway that is wanted and not followed yet.
func (f *Follower) add(ctx context.Context, pod *corev1.Pod) {
	p, container, ok := all.ForPod(pod)
	if !ok || !started(pod, container) || !f.options.Want(pod) {
		return
	}
	if over(pod) {
		f.finish(ctx, pod.UID)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.streams[pod.UID] != nil {
		return
	}
	s := newStream(f, pod, container, p)
	if f.running() >= f.options.MaxStreams {
		f.waiting[pod.UID] = pod
		f.feed.Note(s.what(), "too many gateways are followed already")
		return
	}
	if f.waiting[pod.UID] != nil {
		delete(f.waiting, pod.UID)
		f.feed.Note(s.what(), "")
	}
	f.streams[pod.UID] = s
	s.start = func(later time.Duration) { s.begin(ctx, later) }
	s.leave = func() { f.remove(ctx, s.uid) }
	if f.resting[s.pod] {
		s.rests = true
		return
	}
	s.start(f.options.Later)
}

// over reports whether a pod never runs again, as one that was evicted: it stays, and there may be no log of it any more
// (https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-phase).
func over(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded
}

// finish has what is left of the log of a pod read that is over, and ends the following of it.
func (f *Follower) finish(ctx context.Context, uid types.UID) {
	f.mu.Lock()
	s := f.streams[uid]
	f.mu.Unlock()
	if s != nil {
		s.last.Store(true)
		return
	}
	f.remove(ctx, uid) // it may have waited for a place
}

// remove ends the following of a pod that is gone, and gives its place to the first that waits.
func (f *Follower) remove(ctx context.Context, uid types.UID) {
	if pod := f.release(uid); pod != nil {
		f.add(ctx, pod)
	}
}

// release forgets a pod, and returns the first of those that wait for a place, if there is one.
func (f *Follower) release(uid types.UID) *corev1.Pod {
	f.mu.Lock()
	defer f.mu.Unlock()
	if pod := f.waiting[uid]; pod != nil {
		delete(f.waiting, uid)
		if _, container, ok := all.ForPod(pod); ok {
			f.feed.Note(logOf(pod.Namespace, pod.Name, container), "")
		}
	}
	if s := f.streams[uid]; s != nil {
		if s.cancel != nil {
			s.cancel()
		}
		delete(f.streams, uid)
		f.feed.Note(s.what(), "")
	}
	if len(f.waiting) == 0 || f.running() >= f.options.MaxStreams {
		return nil
	}
	return slices.MinFunc(slices.Collect(maps.Values(f.waiting)), func(a, b *corev1.Pod) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
}

// started reports whether the container has a log to read. The API answers an error before.
func started(pod *corev1.Pod, container string) bool {
	for i := range pod.Status.ContainerStatuses {
		c := &pod.Status.ContainerStatuses[i]
		if c.Name == container {
			return c.State.Running != nil || c.State.Terminated != nil || c.RestartCount > 0
		}
	}
	return false
}
