package shop

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// Answer is the body of an ordinary answer.
type Answer struct {
	Role    string `json:"role"`
	Version string `json:"version"`
	Pod     string `json:"pod"`
	Path    string `json:"path"`
}

// RoleHeader tells in every answer, whatever the path, whose it is.
const RoleHeader = "X-Shop-Role"

// Handler returns what the server answers, apart from the network: probes, ordinary answers, and the
// faults that the options ask for. Probes never take part in shares or delays, so that a pod can be
// ready and broken at once.
func (o Options) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { text(w, http.StatusOK, "ok") })
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		if o.Unready {
			text(w, http.StatusServiceUnavailable, "not ready")
			return
		}
		text(w, http.StatusOK, "ready")
	})
	closes, fails := &share{of: o.CloseShare}, &share{of: o.ErrorShare}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(RoleHeader, o.Role)
		if !wait(r, o.ResponseDelay) {
			return
		}
		switch {
		case closes.hit():
			// The server's own way to break off: no response header, connection (or stream) closed.
			panic(http.ErrAbortHandler)
		case strings.HasPrefix(r.URL.Path, o.ErrorPath) && fails.hit():
			text(w, o.ErrorStatus, o.Role+" cannot answer")
		case o.Protocol == ProtocolGRPC:
			grpcHealth(w, r)
		default:
			o.answer(w, r)
		}
	})
	return mux
}

func (o Options) answer(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/" && !strings.HasPrefix(r.URL.Path, "/"+o.Role) {
		text(w, http.StatusNotFound, "no such page")
		return
	}
	if o.HeaderBytes > 0 {
		w.Header().Set("X-Shop-Padding", strings.Repeat("x", o.HeaderBytes))
	}
	w.Header().Set("Content-Type", "application/json")
	// An error here means that the client has gone; there is nobody left to tell.
	_ = json.NewEncoder(w).Encode(Answer{Role: o.Role, Version: o.Version, Pod: o.Pod, Path: r.URL.Path})
}

func text(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body + "\n")) // as above: the client has gone
}

// wait reports whether the client is still there after d.
func wait(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// share hits a fixed part of its calls, evenly spread.
type share struct {
	of float64
	n  atomic.Int64
}

func (s *share) hit() bool {
	if s.of <= 0 {
		return false
	}
	n := s.n.Add(1)
	return int64(float64(n)*s.of) > int64(float64(n-1)*s.of)
}

// grpcHealth answers any unary call as grpc.health.v1.Health/Check would: SERVING. The message is
// field 1, varint 1, behind the five bytes of gRPC framing (uncompressed, length 2).
func grpcHealth(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
		text(w, http.StatusUnsupportedMediaType, "gRPC only")
		return
	}
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("Trailer", "Grpc-Status")
	_, _ = w.Write([]byte{0, 0, 0, 0, 2, 0x08, 0x01}) // an error means that the caller has gone
	w.Header().Set("Grpc-Status", "0")
}
