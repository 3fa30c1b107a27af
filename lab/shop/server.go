package shop

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log" //nolint:depguard // net/http takes its ErrorLog in no other form
	"net"
	"net/http"
	"time"
)

// Server is one process of the shop.
type Server struct {
	o     Options
	out   io.Writer
	ready chan net.Addr
	hoard hoard
}

// New returns a server that logs plain lines to out.
func New(o Options, out io.Writer) *Server {
	return &Server{o: o, out: out, ready: make(chan net.Addr, 1)}
}

// Listening yields the address once, when connections are accepted.
func (s *Server) Listening() <-chan net.Addr { return s.ready }

// Run serves until the options say to stop, or term yields a value (SIGTERM), or ctx ends, and returns
// the exit code of the process.
func (s *Server) Run(ctx context.Context, term <-chan struct{}) int {
	started := time.Now()
	if s.o.ExitAtOnce {
		s.logf("cannot start: exit code %d", s.o.ExitCode)
		return s.o.ExitCode
	}
	if err := s.hoard.grow(s.o.Memory); err != nil {
		s.logf("cannot start: %v", err)
		return 1
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go s.hoard.leak(ctx, s.o.Leak)

	timer := time.NewTimer(s.o.StartDelay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-term:
		return 0
	case <-ctx.Done():
		return 0
	}
	srv, err := s.server()
	if err != nil {
		s.logf("cannot start: %v", err)
		return 1
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", s.o.Listen)
	if err != nil {
		s.logf("cannot listen: %v", err)
		return 1
	}
	if s.o.IdleSlack > 0 {
		l = idleListener{l, s.o.IdleTimeout}
	}
	if s.o.Protocol == ProtocolTLS {
		l = tls.NewListener(l, srv.TLSConfig)
	}
	s.logf("listening on %s", s.o.Listen)
	s.ready <- l.Addr()
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	return s.live(ctx, srv, started, term, failed)
}

// live waits for the end and picks the exit code.
func (s *Server) live(ctx context.Context, srv *http.Server, started time.Time, term <-chan struct{}, failed <-chan error) int {
	var expire <-chan time.Time
	if s.o.ExitAfter > 0 {
		timer := time.NewTimer(s.o.ExitAfter - time.Since(started))
		defer timer.Stop()
		expire = timer.C
	}
	for {
		select {
		case err := <-failed:
			s.logf("cannot serve: %v", err)
			return 1
		case <-expire:
			s.logf("exit with code %d after %s", s.o.ExitCode, s.o.ExitAfter)
			s.cut(srv)
			return s.o.ExitCode
		case <-ctx.Done():
			s.cut(srv)
			return 0
		case <-term:
			switch s.o.OnTerm {
			case TermIgnore:
				s.logf("SIGTERM ignored")
			case TermExit:
				s.logf("SIGTERM, exit at once")
				s.cut(srv)
				return 0
			default:
				return s.drain(ctx, srv)
			}
		}
	}
}

// drain lets proxies learn that this pod is going before the listener closes.
func (s *Server) drain(ctx context.Context, srv *http.Server) int {
	s.logf("SIGTERM, draining for %s", s.o.Drain)
	timer := time.NewTimer(s.o.Drain)
	defer timer.Stop()
	<-timer.C
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		s.logf("requests cut: %v", err)
		return 1
	}
	s.logf("drained")
	return 0
}

// cut closes everything as the kernel would for a process that is gone.
func (s *Server) cut(srv *http.Server) {
	if err := srv.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		s.logf("close: %v", err)
	}
}

func (s *Server) server() (*http.Server, error) {
	protocols := new(http.Protocols)
	srv := &http.Server{
		Handler: s.o.Handler(), IdleTimeout: s.o.IdleTimeout + s.o.IdleSlack, ConnState: track, Protocols: protocols,
		ReadHeaderTimeout: time.Minute, ErrorLog: log.New(s.out, s.prefix(), 0),
	}
	switch s.o.Protocol {
	case ProtocolH2C, ProtocolGRPC:
		protocols.SetUnencryptedHTTP2(true)
	case ProtocolTLS:
		protocols.SetHTTP1(true)
		cert, err := selfSigned(time.Now())
		if err != nil {
			return nil, fmt.Errorf("make certificate: %w", err)
		}
		srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	default:
		protocols.SetHTTP1(true)
	}
	return srv, nil
}

func (s *Server) prefix() string { return "shop " + s.o.Role + " " + s.o.Version + " " }

func (s *Server) logf(format string, args ...any) {
	fmt.Fprintf(s.out, s.prefix()+format+"\n", args...)
}
