package synthetic

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/gatemend/gatemend/internal/model"
)

// stage is how far a request came.
type stage int32

const (
	dialling stage = iota
	connected
	shaking // hands, for TLS
)

// ours reports whether an error says something about this side only: names, routes and resources of the machine
// that asks.
func ours(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns) || errors.Is(err, syscall.ENETUNREACH) || errors.Is(err, syscall.EADDRNOTAVAIL) ||
		errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// failureOf names what went wrong on the way to the gateway or while it answered. A status was read before where
// it is not 0.
func failureOf(err error, at stage, status int) model.FailureKind {
	var timeout net.Error
	late := errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return model.Refused
	case at == dialling && (late || errors.Is(err, syscall.EHOSTUNREACH)):
		return model.ConnectTimeout
	case at == shaking: // whatever breaks a handshake
		return model.TLS
	case late:
		return model.ResponseTimeout
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return model.Reset
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return model.ClosedEarly
	case strings.Contains(err.Error(), "headers exceeded"): // net/http has no value for these
		return model.HeaderTooBig
	case status == 0 && strings.Contains(err.Error(), "malformed"):
		return model.Protocol
	}
	return model.OtherFailure
}
