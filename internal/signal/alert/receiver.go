package alert

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/net/netutil"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/signal/admit"
)

// Bounds of what is received.
const (
	maxBody    = 1 << 20
	maxOpen    = 10_000 // alerts that are remembered as firing
	maxSenders = 64     // connected at once; others wait
	readIn     = 10 * time.Second
	stopIn     = 2 * time.Second
	repeatsIn  = 4 * time.Hour // Alertmanager's default repeat_interval: a firing alert is news again after that
)

// Options of a receiver.
type Options struct {
	Address string
	// Admit must ask senders for something, also on loopback: an alert starts work. A token may come as
	// bearer token, or as password with any user name.
	Admit admit.Rules
	Now   func() time.Time
}

// Receiver takes webhooks in.
type Receiver struct {
	options Options
	mu      sync.Mutex
	firing  map[string]time.Time // when an alert was last told, by fingerprint
}

var errOpen = errors.New("a receiver of alerts must ask for a token or for certificates")

// New returns a receiver.
func New(o Options) (*Receiver, error) {
	if o.Admit.Open() {
		return nil, errOpen
	}
	return &Receiver{options: o, firing: map[string]time.Time{}}, nil
}

// Run listens until the context ends.
func (r *Receiver) Run(ctx context.Context, out chan<- model.Notice) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", r.options.Address)
	if err != nil {
		return fmt.Errorf("listen for alerts: %w", err)
	}
	listener = netutil.LimitListener(listener, maxSenders)
	if r.options.Admit.TLS != nil {
		listener = tls.NewListener(listener, r.options.Admit.TLS)
	}
	server := &http.Server{
		Handler: r.Handler(out), ReadHeaderTimeout: readIn, ReadTimeout: readIn, WriteTimeout: readIn, MaxHeaderBytes: 16 << 10,
	}
	r.options.Admit.HTTP(server, r.options.Now)
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopIn)
		defer cancel()
		if server.Shutdown(grace) != nil {
			_ = server.Close() // who is still sending is cut off
		}
	})
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		stop()
		return fmt.Errorf("receive alerts: %w", err)
	}
	<-stopped
	return nil
}

// Handler takes webhooks at any path. What out does not take is answered with 503, after which Alertmanager
// sends it again.
func (r *Receiver) Handler(out chan<- model.Notice) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		status, text := r.receive(w, req, out)
		if status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Bearer realm="gatemend"`)
		}
		http.Error(w, text, status)
	})
}

func (r *Receiver) receive(w http.ResponseWriter, req *http.Request, out chan<- model.Notice) (int, string) {
	if !r.allowed(req) {
		return http.StatusUnauthorized, "show the bearer token of --alerts-token-file"
	}
	if req.Method != http.MethodPost {
		return http.StatusMethodNotAllowed, "alerts are sent with POST"
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return http.StatusRequestEntityTooLarge, "a message may have 1 MiB: set max_alerts in Alertmanager"
	}
	if err != nil {
		return http.StatusBadRequest, "the message could not be read to its end: " + err.Error()
	}
	m, err := Parse(body)
	if err != nil {
		return http.StatusBadRequest, err.Error()
	}
	for _, a := range m.Alerts {
		if !r.news(a) {
			continue
		}
		select {
		case out <- a.Notice():
		default:
			r.forget(a)
			return http.StatusServiceUnavailable, "too many alerts wait already"
		}
	}
	return http.StatusOK, "ok"
}

// allowed also takes what Alertmanager's basic_auth sends.
func (r *Receiver) allowed(req *http.Request) bool {
	shown := req.Header.Get("Authorization")
	if _, password, basic := req.BasicAuth(); basic {
		shown = "Bearer " + password
	}
	return r.options.Admit.Permits(shown)
}

// news reports whether an alert has begun to fire. Alertmanager sends what is still firing again and again.
func (r *Receiver) news(a Alert) bool {
	now := r.options.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if a.Status != "firing" {
		delete(r.firing, a.key())
		return false
	}
	if told, ok := r.firing[a.key()]; ok && now.Sub(told) < repeatsIn {
		return false
	}
	if len(r.firing) >= maxOpen {
		for key, told := range r.firing {
			if now.Sub(told) >= repeatsIn {
				delete(r.firing, key)
			}
		}
	}
	if len(r.firing) < maxOpen {
		r.firing[a.key()] = now
	}
	return true
}

func (r *Receiver) forget(a Alert) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.firing, a.key())
}

// key identifies an alert: the fingerprint of its labels.
func (a Alert) key() string {
	if a.Fingerprint != "" {
		return a.Fingerprint
	}
	return fmt.Sprint(a.Labels) // maps are printed in order
}
