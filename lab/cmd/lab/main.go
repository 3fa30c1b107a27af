// Command lab makes and removes real Kubernetes clusters on this machine, on
// which gatemend is demonstrated and tested.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/gatemend/gatemend/lab/cluster"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := newRoot().ExecuteContext(ctx)
	stop()
	os.Exit(status(err))
}

// status prints an error, if it is one of ours to explain, and chooses the
// exit status: that of the program that was run, 2 for a wrong call or an
// unsuited machine, else 1.
func status(err error) int {
	var ended *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &ended) && errors.Is(err, errPassedOn):
		if code := ended.ExitCode(); code >= 0 {
			return code
		}
		// A signal ended it; shells tell that by a status from 128 on.
		if wait, ok := ended.Sys().(syscall.WaitStatus); ok {
			return 128 + int(wait.Signal())
		}
		return 1
	}
	fmt.Fprintln(os.Stderr, "lab:", err)
	if errors.Is(err, cluster.ErrNotFound) {
		fmt.Fprintln(os.Stderr, "`lab up` makes one")
	}
	if errors.Is(err, cluster.ErrUnsuited) || errors.Is(err, cluster.ErrBadOption) || errors.Is(err, errUsage) {
		return 2
	}
	return 1
}
