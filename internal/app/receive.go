package app

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/cli"
	"github.com/gatemend/gatemend/internal/metrics"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy/all"
	"github.com/gatemend/gatemend/internal/signal/admit"
	"github.com/gatemend/gatemend/internal/signal/als"
	"github.com/gatemend/gatemend/internal/signal/feed"
	"github.com/gatemend/gatemend/internal/signal/nodefile"
	"github.com/gatemend/gatemend/internal/signal/otlp"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/watch"
)

// noticesEvery is how often it is said what was lost.
const noticesEvery = 10 * time.Second

// hearer is what hears of single requests until its context ends.
type hearer interface {
	Signals() <-chan model.Signal
	Unseen() []model.Unseen
	Notices() []string
}

// hears makes a source of a hearer that start starts.
func hears(name string, now func() time.Time, start func(context.Context) (hearer, error)) watch.Source {
	var started atomic.Value
	return watch.Source{
		Name: name,
		Run: func(ctx context.Context, to watch.Ear) error {
			h, err := start(ctx)
			if err != nil {
				return err
			}
			started.Store(h)
			pass(ctx, name, h, to, now)
			for range h.Signals() { // what comes after the end is nobody's; the hearer ends when it is taken
			}
			return nil
		},
		Unseen: func() []model.Unseen {
			if h, ok := started.Load().(hearer); ok {
				return h.Unseen()
			}
			return nil
		},
		Read: func() (metrics.Source, bool) {
			h, began := started.Load().(hearer)
			if !began {
				return metrics.Source{}, false
			}
			return readBy(h), true
		},
	}
}

// readBy is how much a hearer has heard.
func readBy(h hearer) metrics.Source {
	switch h := h.(type) {
	case *als.Receiver:
		c := h.Counts()
		return metrics.Source{Name: "als", Lines: c.Entries, Requests: c.Requests, Unread: c.Foreign, Lost: h.Dropped(), Open: c.Streams}
	case *otlp.Receiver:
		c := h.Counts()
		return metrics.Source{Name: "otlp", Lines: c.Records, Requests: c.Requests, Errors: c.Errors, Unread: c.Foreign, Lost: h.Dropped()}
	case *nodefile.Follower:
		c := h.Counts()
		return metrics.Source{Name: "nodefile", Lines: c.Lines, Requests: c.Requests, Errors: c.Errors, Unread: c.Foreign, Lost: h.Dropped(), Gaps: c.Gaps, Open: c.Open}
	default:
		return metrics.Source{}
	}
}

// pass hands on what a hearer hears until the context ends.
func pass(ctx context.Context, name string, h hearer, to watch.Ear, now func() time.Time) {
	tick := time.NewTicker(noticesEvery)
	defer tick.Stop()
	for {
		select {
		case s, open := <-h.Signals():
			if !open {
				return
			}
			select {
			case to.Signals <- s:
			case <-ctx.Done():
				return
			}
		case <-tick.C:
			tell(ctx, name, h.Notices(), to, now())
		case <-ctx.Done():
			return
		}
	}
}

// tell hands on what a person should be told, until the context ends.
func tell(ctx context.Context, name string, texts []string, to watch.Ear, now time.Time) {
	for _, text := range texts {
		select {
		case to.Notices <- model.Notice{At: now, Source: name, Text: text}:
		case <-ctx.Done():
			return
		}
	}
}

// tells makes a source of what tells only what was lost; its signals go another way.
func tells(name string, now func() time.Time, notices func() []string) watch.Source {
	return watch.Source{
		Name: name,
		Run: func(ctx context.Context, to watch.Ear) error {
			tick := time.NewTicker(noticesEvery)
			defer tick.Stop()
			for {
				select {
				case <-tick.C:
					tell(ctx, name, notices(), to, now())
				case <-ctx.Done():
					return nil
				}
			}
		},
	}
}

// receivers are the sources to which gateways send, and those that read their files.
func (c *cluster) receivers(live watch.Live, o cli.ReceiveOptions) ([]watch.Source, error) {
	rules, err := admission(o)
	if err != nil {
		return nil, err
	}
	for _, address := range o.Addresses() {
		if err := rules.Check(address); err != nil {
			return nil, &cli.HintedError{Err: err, Hint: "add --receive-token-file FILE or --receive-client-ca FILE, or serve at a loopback address"}
		}
	}
	var out []watch.Source
	resolve := resolver(live)
	if o.ALS != "" {
		out = append(out, hears("access logs over gRPC", c.now, func(ctx context.Context) (hearer, error) {
			l, err := listen(ctx, o.ALS)
			if err != nil {
				return nil, err
			}
			return als.Serve(ctx, l, als.Options{Admit: rules, Resolve: resolve}), nil
		}))
	}
	if o.OTLP != "" || o.OTLPHTTP != "" {
		out = append(out, hears("OpenTelemetry logs", c.now, func(ctx context.Context) (hearer, error) {
			return serveOTLP(ctx, o, otlp.Options{Admit: rules, Resolve: resolve, Now: c.now})
		}))
	}
	if o.NodeLogs != "" {
		out = append(out, hears("log files of the node", c.now, func(ctx context.Context) (hearer, error) {
			return nodefile.Follow(ctx, nodefile.Options{
				Root: o.NodeLogs, Want: wanted(live, c.formats), Now: c.now, Since: c.now(), Checkpoint: o.Checkpoint,
			}), nil
		}))
	}
	return out, nil
}

// serveOTLP receives over gRPC, HTTP or both.
func serveOTLP(ctx context.Context, o cli.ReceiveOptions, options otlp.Options) (hearer, error) {
	var listeners [2]net.Listener
	for i, address := range []string{o.OTLP, o.OTLPHTTP} {
		if address == "" {
			continue
		}
		var err error
		if listeners[i], err = listen(ctx, address); err != nil {
			if listeners[0] != nil {
				_ = listeners[0].Close() // why the other cannot listen is what is told
			}
			return nil, err
		}
	}
	return otlp.Serve(ctx, listeners[0], listeners[1], options), nil
}

func listen(ctx context.Context, address string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen at %s: %w", address, err)
	}
	return l, nil
}

// tokenIn reads a token that others must show; no file, no token.
func tokenIn(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read token: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return "", fmt.Errorf("read token: %s is empty", file)
	}
	return token, nil
}

// admission reads who may send.
func admission(o cli.ReceiveOptions) (admit.Rules, error) {
	var rules admit.Rules
	var err error
	if rules.Token, err = tokenIn(o.TokenFile); err != nil || o.CertFile == "" {
		return rules, err
	}
	rules.TLS, err = admit.Server(materialIn(cli.Certificates{CertFile: o.CertFile, KeyFile: o.KeyFile, CAFile: o.ClientCAFile}))
	return rules, err
}

// resolver finds senders' pods: by namespace and name, by a name that there is once, or by address.
func resolver(live watch.Live) feed.Resolve {
	return func(s feed.Sender) model.Ref {
		snap := live.Snapshot()
		if s.Namespace != "" && s.Pod != "" {
			if p, presence := snap.Pods().Get(s.Namespace, s.Pod); presence == snapshot.Present {
				return snapshot.RefOf(p)
			}
		}
		if s.Pod != "" {
			if p, ok := podNamed(snap)(s.Pod); ok {
				return snapshot.RefOf(p)
			}
		}
		if s.Address.IsValid() {
			if pods := snap.PodsByIP(s.Address.String()); len(pods) == 1 {
				return snapshot.RefOf(pods[0])
			}
		}
		return feed.Nobody(s)
	}
}

// wanted says which files of the node are gateways' logs. Files outside the kubelet's layout are taken for
// logs of a gateway whose form is found out.
func wanted(live watch.Live, formats all.Formats) func(nodefile.Container) (nodefile.Gateway, bool) {
	return func(c nodefile.Container) (nodefile.Gateway, bool) {
		if c.Pod == "" {
			return nodefile.Gateway{Parser: all.NewAuto()}, true
		}
		s := live.Snapshot()
		pod, presence := s.Pods().Get(c.Namespace, c.Pod)
		if presence != snapshot.Present {
			return nodefile.Gateway{}, false
		}
		return gatewayLogOf(pod, c.Name, formatsOf(s, pod, formats))
	}
}

func gatewayLogOf(pod *corev1.Pod, container string, formats all.Formats) (nodefile.Gateway, bool) {
	p, name, ok := all.ForPod(pod)
	if !ok || name != container {
		return nodefile.Gateway{}, false
	}
	ref := snapshot.RefOf(pod)
	return nodefile.Gateway{Pod: ref, Parser: formats.Parser(p, ref)}, true
}
