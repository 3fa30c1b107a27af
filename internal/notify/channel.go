package notify

import (
	"context"
	"errors"
	"time"
)

// Handle is what a receiver calls a message that it has; empty: it has none yet.
type Handle string

// Channel is a way to people.
type Channel interface {
	// Send brings a message. sent is what the message of the same key was called; the answer is what it is called now.
	Send(ctx context.Context, m Message, sent Handle) (Handle, error)
	// Updates reports whether sending again changes what people have instead of adding to it.
	Updates() bool
}

// RefusedError says that the receiver will not take the message, however often it is sent.
type RefusedError struct{ Err error }

func (e *RefusedError) Error() string { return "refused: " + e.Err.Error() }

// Unwrap gives the receiver's reason.
func (e *RefusedError) Unwrap() error { return e.Err }

// BusyError says that the receiver wants to be left alone for a while.
type BusyError struct {
	After time.Duration
	Err   error
}

func (e *BusyError) Error() string { return e.Err.Error() }

// Unwrap gives the receiver's reason.
func (e *BusyError) Unwrap() error { return e.Err }

// Secret reads a secret when it is needed, so that one that was replaced counts at once. Its value is in no error
// and no log.
type Secret func() (string, error)

// Approval is a person's answer to a question, as a channel has verified it.
type Approval struct {
	Question
	// Yes: the plan may be carried out.
	Yes bool
	// User is the user as the API server knows it, by the channel's configuration: what it may do is decided there.
	User string
	// Identity is who clicked, as the channel knows them.
	Identity string
	// Through is the kind of the channel.
	Through string
}

// Approver makes an answer count.
type Approver interface {
	// Approve records the answer under the user's name. It fails with [ErrNotAllowed] if the user has no right to it,
	// and with [ErrTooLate] if that plan waits for no answer any more.
	Approve(ctx context.Context, a Approval) error
}

// The errors of an [Approver] that people are told of.
var (
	ErrNotAllowed = errors.New("you have no right to approve this")
	ErrTooLate    = errors.New("this plan waits for no answer any more")
)
