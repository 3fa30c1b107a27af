package cli

import (
	"errors"
	"fmt"
)

// Exit is an exit status of the contract.
type Exit int

// The exit statuses.
const (
	ExitOK          Exit = 0
	ExitWrong       Exit = 1
	ExitUsage       Exit = 2
	ExitCouldNot    Exit = 3
	ExitDidNotHelp  Exit = 4
	exitInterrupted Exit = 130 // by convention, 128 + SIGINT
)

// ExitMeaning is one row of the table of exit statuses.
type ExitMeaning struct {
	Exit  Exit
	Means string
	When  string
}

// Exits is the table of exit statuses; help, documents and tests are made from it.
func Exits() []ExitMeaning {
	return []ExitMeaning{
		{ExitOK, "looked, and nothing is wrong", "all routes asked about are expected to work; or: a fix was applied and verified"},
		{ExitWrong, "something is wrong", "a cause was found, or requests fail and the cause is not known; or: a fix was planned but not applied"},
		{ExitUsage, "wrong usage", "an unknown flag or command, a target that does not exist"},
		{ExitCouldNot, "could not look", "the cluster or the dump cannot be read, or too little of it to call anything healthy"},
		{ExitDidNotHelp, "acted, and it did not help", "a fix was applied, the errors went on, and the fix was taken back"},
	}
}

// errWrong and errDidNotHelp end a command whose result has been printed already.
var (
	errWrong      = errors.New("something is wrong")
	errDidNotHelp = errors.New("the fix did not help")
	// errBlind ends a diagnosis that found nothing wrong but could not look at all that bears on it.
	errBlind = errors.New("nothing wrong was found, but not everything could be looked at")
)

// UsageError says that a command was called in a wrong way, and what would be right.
type UsageError struct {
	Problem string
	Hint    string // empty, or what to do instead
}

func (e *UsageError) Error() string {
	if e.Hint == "" {
		return e.Problem
	}
	return e.Problem + "\n" + e.Hint
}

func usagef(hint, format string, args ...any) error {
	return &UsageError{Problem: fmt.Sprintf(format, args...), Hint: hint}
}

// HintedError is an error of the outside, with what a person can do about it.
type HintedError struct {
	Err  error
	Hint string
}

func (e *HintedError) Error() string { return e.Err.Error() + "\n" + e.Hint }

// Unwrap gives the error without its hint.
func (e *HintedError) Unwrap() error { return e.Err }

// exitOf is the one place where an error becomes an exit status. What is not known to be something
// else means that we could not look.
func exitOf(err error) Exit {
	if err == nil {
		return ExitOK
	}
	if _, ok := errors.AsType[*UsageError](err); ok {
		return ExitUsage
	}
	switch {
	case errors.Is(err, errWrong):
		return ExitWrong
	case errors.Is(err, errDidNotHelp):
		return ExitDidNotHelp
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	default:
		return ExitCouldNot
	}
}

// errInterrupted ends a command that a person stopped before it had a result.
var errInterrupted = errors.New("interrupted")

// errNothing ends a look at a log without lines.
var errNothing = errors.New("the log is empty, which says nothing of any request")

// errNoForm ends a look at a log of which no line could be read.
var errNoForm = errors.New("no line of the log is in a form that is known")

// errNoRequest ends a look at a log that may be a gateway's, as others write such lines, too.
var errNoRequest = errors.New("no line of the log is about a request")

// errOutside ends a look at a log of another time.
var errOutside = errors.New("no request of the log lies in the time asked for")

// silent reports whether an error's message would only repeat what was printed.
func silent(err error) bool { return errors.Is(err, errWrong) || errors.Is(err, errDidNotHelp) }
