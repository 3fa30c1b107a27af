package shop

import (
	"flag"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// What to do on SIGTERM.
const (
	// TermDrain goes on serving for [Options.Drain], then finishes what is in flight and exits.
	TermDrain = "drain"
	// TermExit exits at once; requests in flight are cut, as with a process that handles no signal.
	TermExit = "exit"
	// TermIgnore goes on until it is killed.
	TermIgnore = "ignore"
)

// Protocols that the server can speak.
const (
	ProtocolHTTP = "http" // HTTP/1.1
	ProtocolTLS  = "tls"  // HTTP/1.1 and HTTP/2 over TLS, certificate made at start
	ProtocolH2C  = "h2c"  // HTTP/2 without TLS, with prior knowledge only
	ProtocolGRPC = "grpc" // h2c that answers as a gRPC health service
)

// Options of a server. The zero value is not useful; start from [Defaults].
type Options struct {
	Role    string // web, cart or api: told in answers and logs
	Version string // told in answers and logs
	Pod     string // the pod's name, told in answers

	Listen   string // address:port; 127.0.0.1:PORT is reachable from inside the pod alone
	Protocol string // one of the Protocol constants

	StartDelay    time.Duration // how long to wait before listening
	ResponseDelay time.Duration // how long every answer but probes takes
	IdleTimeout   time.Duration // close idle keep-alive connections after this; 0 means never
	IdleSlack     time.Duration // how long after IdleTimeout they are really closed; nothing is read from them meanwhile

	Unready    bool          // /readyz answers 503
	ExitAtOnce bool          // exit with ExitCode before listening
	ExitCode   int           // used by ExitAtOnce and ExitAfter
	ExitAfter  time.Duration // exit with ExitCode so long after start; 0 means never
	Memory     int64         // working set touched at start, in bytes
	Leak       int64         // further bytes touched every second, until killed

	CloseShare  float64 // share of requests (0 to 1) whose connection is closed before any answer
	HeaderBytes int     // size of an extra response header, in bytes
	ErrorStatus int     // status of the answers in ErrorShare
	ErrorShare  float64 // share of requests (0 to 1) answered with ErrorStatus
	ErrorPath   string  // only under this path prefix; empty means everywhere

	OnTerm string        // one of the Term constants
	Drain  time.Duration // see TermDrain
}

// Defaults returns the options of a server that behaves well.
func Defaults() Options {
	return Options{
		Role: "web", Version: "v1", Listen: "0.0.0.0:8080", Protocol: ProtocolHTTP,
		ExitCode: 1, ErrorStatus: 502, OnTerm: TermDrain, Drain: 3 * time.Second,
	}
}

// Parse reads options from arguments, and from the environment for what no argument says: the flag
// --start-delay is also SHOP_START_DELAY. getenv is [os.Getenv] in a process.
func Parse(args []string, getenv func(string) string) (Options, error) {
	o := Defaults()
	fs := flag.NewFlagSet("shop", flag.ContinueOnError)
	fs.StringVar(&o.Role, "role", o.Role, "web, cart or api")
	fs.StringVar(&o.Version, "version", o.Version, "version to tell")
	fs.StringVar(&o.Pod, "pod", o.Pod, "pod name to tell")
	fs.StringVar(&o.Listen, "listen", o.Listen, "address:port to listen on")
	fs.StringVar(&o.Protocol, "protocol", o.Protocol, "http, tls, h2c or grpc")
	fs.DurationVar(&o.StartDelay, "start-delay", 0, "wait before listening")
	fs.DurationVar(&o.ResponseDelay, "response-delay", 0, "wait before every answer")
	fs.DurationVar(&o.IdleTimeout, "idle-timeout", 0, "close idle connections after this; 0 means never")
	fs.DurationVar(&o.IdleSlack, "idle-slack", 0, "close idle connections so much later than they stop being read")
	fs.BoolVar(&o.Unready, "unready", false, "fail the readiness probe")
	fs.BoolVar(&o.ExitAtOnce, "exit-at-once", false, "exit before listening")
	fs.IntVar(&o.ExitCode, "exit-code", o.ExitCode, "exit code of --exit-at-once and --exit-after")
	fs.DurationVar(&o.ExitAfter, "exit-after", 0, "exit so long after start; 0 means never")
	fs.Var((*size)(&o.Memory), "memory", "working set to touch at start, such as 48Mi")
	fs.Var((*size)(&o.Leak), "leak", "memory to touch every second, such as 8Mi")
	fs.Float64Var(&o.CloseShare, "close-share", 0, "share of requests to close without an answer")
	fs.IntVar(&o.HeaderBytes, "header-bytes", 0, "size of an extra response header")
	fs.IntVar(&o.ErrorStatus, "error-status", o.ErrorStatus, "status of the errors of --error-share")
	fs.Float64Var(&o.ErrorShare, "error-share", 0, "share of requests to answer with an error")
	fs.StringVar(&o.ErrorPath, "error-path", "", "only below this path")
	fs.StringVar(&o.OnTerm, "on-term", o.OnTerm, "drain, exit or ignore")
	fs.DurationVar(&o.Drain, "drain", o.Drain, "go on serving so long after SIGTERM")
	var err error
	fs.VisitAll(func(f *flag.Flag) {
		if v := getenv("SHOP_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))); v != "" && err == nil {
			if e := fs.Set(f.Name, v); e != nil {
				err = fmt.Errorf("set %s to %q: %w", f.Name, v, e)
			}
		}
	})
	if err != nil {
		return Options{}, err
	}
	if err := fs.Parse(args); err != nil {
		return Options{}, fmt.Errorf("parse arguments: %w", err)
	}
	return o, o.check()
}

func (o Options) check() error {
	if _, _, err := net.SplitHostPort(o.Listen); err != nil {
		return fmt.Errorf("listen address %q: %w", o.Listen, err)
	}
	switch o.Protocol {
	case ProtocolHTTP, ProtocolTLS, ProtocolH2C, ProtocolGRPC:
	default:
		return fmt.Errorf("protocol %q is none of http, tls, h2c, grpc", o.Protocol)
	}
	switch o.OnTerm {
	case TermDrain, TermExit, TermIgnore:
	default:
		return fmt.Errorf("on-term %q is none of drain, exit, ignore", o.OnTerm)
	}
	for name, share := range map[string]float64{"close-share": o.CloseShare, "error-share": o.ErrorShare} {
		if share < 0 || share > 1 {
			return fmt.Errorf("%s %v is not between 0 and 1", name, share)
		}
	}
	return nil
}

// size is a flag in bytes with the binary suffixes of Kubernetes quantities.
type size int64

func (s *size) String() string { return strconv.FormatInt(int64(*s), 10) }

func (s *size) Set(text string) error {
	number, shift := text, 0
	for suffix, bits := range map[string]int{"Ki": 10, "Mi": 20, "Gi": 30} {
		if n, ok := strings.CutSuffix(text, suffix); ok {
			number, shift = n, bits
		}
	}
	n, err := strconv.ParseInt(number, 10, 32)
	if err != nil || n < 0 {
		return fmt.Errorf("%q is not a size such as 48Mi", text)
	}
	*s = size(n << shift)
	return nil
}
