package podlog

import (
	"cmp"
	"context"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy/all"
)

// Follower follows logs until its context is done.
type Follower struct {
	client  kubernetes.Interface
	options Options
	signals chan model.Signal
	listed  chan struct{}
	group   sync.WaitGroup
	counts  counters

	mu      sync.Mutex
	streams map[types.UID]*stream
	unseen  map[string]string // what -> why
}

// Stream begins to follow. It returns at once; everything it starts ends with ctx, after which the channel
// of signals is closed.
func Stream(ctx context.Context, client kubernetes.Interface, o Options) *Follower {
	o = o.withDefaults()
	f := &Follower{
		client:  client,
		options: o,
		signals: make(chan model.Signal, o.Buffer),
		listed:  make(chan struct{}),
		streams: map[types.UID]*stream{},
		unseen:  map[string]string{},
	}
	discovered := make(chan struct{})
	go func() {
		defer close(discovered)
		f.discover(ctx)
	}()
	go func() {
		<-discovered // no stream is started after this
		f.group.Wait()
		close(f.signals)
	}()
	return f
}

// Signals is where signals arrive, in the order of each log. It is closed when the context is done and
// all logs are closed.
func (f *Follower) Signals() <-chan model.Signal { return f.signals }

// Listed is closed once the pods were listed for the first time, so that Pods is complete.
func (f *Follower) Listed() <-chan struct{} { return f.listed }

// Counts says how much was read so far.
func (f *Follower) Counts() Counts { return f.counts.read() }

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
func (f *Follower) Unseen() []model.Unseen {
	f.mu.Lock()
	defer f.mu.Unlock()
	unseen := make([]model.Unseen, 0, len(f.unseen))
	for what, why := range f.unseen {
		unseen = append(unseen, model.Unseen{What: what, Why: why})
	}
	slices.SortFunc(unseen, func(a, b model.Unseen) int { return cmp.Compare(a.What, b.What) })
	return unseen
}

// note records why something cannot be seen; an empty reason takes the note back.
func (f *Follower) note(what, why string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if why == "" {
		delete(f.unseen, what)
		return
	}
	f.unseen[what] = why
}

// add begins to follow a pod if it is a gateway that is wanted and not followed yet.
func (f *Follower) add(ctx context.Context, pod *corev1.Pod) {
	p, container, ok := all.ForPod(pod)
	if !ok || !started(pod, container) || !f.options.Want(pod) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.streams[pod.UID] != nil {
		return
	}
	s := newStream(f, pod, container, p)
	if len(f.streams) >= f.options.MaxStreams {
		f.unseen[s.what()] = "too many gateways are followed already"
		return
	}
	ctx, s.cancel = context.WithCancel(ctx)
	f.streams[pod.UID] = s
	f.group.Go(func() { s.follow(ctx) })
}

// remove ends the following of a pod that is gone.
func (f *Follower) remove(uid types.UID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s := f.streams[uid]; s != nil {
		s.cancel()
		delete(f.streams, uid)
		delete(f.unseen, s.what())
	}
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
