package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gatemend/gatemend/api/v1alpha1"
	"github.com/gatemend/gatemend/internal/approval"
	"github.com/gatemend/gatemend/internal/cli"
	"github.com/gatemend/gatemend/internal/notify"
)

// clerkOfClicks makes clicks on the buttons of notifications count: it creates the approval in the name of the user, whom
// the API server then lets do it or not.
type clerkOfClicks struct {
	desk    approval.Desk
	cluster string
}

// Approve implements [notify.Approver].
func (c clerkOfClicks) Approve(ctx context.Context, a notify.Approval) error {
	namespace, name, ok := strings.Cut(a.Incident, "/")
	if a.Cluster != c.cluster || !ok {
		return fmt.Errorf("%w: it is about incident %s of cluster %s, and this is %s", notify.ErrTooLate, a.Incident, a.Cluster, c.cluster)
	}
	answer := v1alpha1.Reject
	if a.Yes {
		answer = v1alpha1.Approve
	}
	_, err := c.desk.Decide(ctx, approval.Decision{
		Namespace: namespace, Incident: name, Plan: a.Plan, Answer: answer, Reason: "clicked by " + a.Identity, Through: a.Through, As: a.User,
	})
	switch {
	case errors.Is(err, approval.ErrTooLate), errors.Is(err, approval.ErrNoIncident):
		return fmt.Errorf("%w: %w", notify.ErrTooLate, err)
	case errors.Is(err, approval.ErrDenied):
		return fmt.Errorf("%w: %w", notify.ErrNotAllowed, err)
	default:
		return err
	}
}

// serveButtons receives clicks at /notify/CHANNEL until the context ends. Also a process that does not lead does: it takes
// nothing but the right to create approvals in users' names.
func serveButtons(ctx context.Context, addr string, clicks map[string]http.Handler) error {
	if addr == "" {
		return nil
	}
	if len(clicks) == 0 {
		return &cli.UsageError{Problem: "--buttons-addr: no channel of --notify has buttons", Hint: "slack.signingSecretFile and slack.users make them"}
	}
	listener, err := listen(ctx, addr)
	if err != nil {
		return fmt.Errorf("receive clicks: %w", err)
	}
	server := &http.Server{Handler: buttons(clicks), ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10}
	serve(ctx, listener, server)
	return nil
}

// buttons leads clicks to the channels that they came from.
func buttons(clicks map[string]http.Handler) http.Handler {
	mux := http.NewServeMux()
	for channel, handler := range clicks {
		mux.Handle("/notify/"+channel, handler)
	}
	return mux
}
