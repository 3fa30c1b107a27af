// Package post sends requests to receivers of notifications, and says of failures whether to try again.
package post

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/notify"
)

// mostOfAnswer bounds what is read of an answer.
const mostOfAnswer = 256 << 10

// Client makes the client that requests are sent with. Redirects are not followed: they would take secrets along.
func Client(timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Send posts a body and gives the answer's, if the answer is one of success. No error has the URL in it, which
// may be a secret.
func Send(ctx context.Context, c *http.Client, target string, header http.Header, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return nil, &notify.RefusedError{Err: errors.New("the receiver's URL cannot be read")}
	}
	for name, values := range header {
		request.Header[name] = values
	}
	if request.Header.Get("Content-Type") == "" {
		request.Header.Set("Content-Type", "application/json")
	}
	request.Header.Set("User-Agent", "gatemend")
	response, err := c.Do(request)
	if err != nil {
		return nil, fmt.Errorf("reach the receiver: %w", withoutURL(err))
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, mostOfAnswer))
	if err != nil {
		return nil, fmt.Errorf("read the receiver's answer: %w", err)
	}
	return answer, check(response, answer)
}

func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// check makes an error of an answer that is none of success. What is wrong with the message itself stays wrong;
// a missing right or a wrong address may be set right meanwhile.
func check(r *http.Response, answer []byte) error {
	if r.StatusCode/100 == 2 {
		return nil
	}
	err := fmt.Errorf("the receiver answered %s: %s", r.Status, notify.Cut(strings.Join(strings.Fields(string(answer)), " "), 200))
	switch r.StatusCode {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return &notify.RefusedError{Err: err}
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return &notify.BusyError{After: retryAfter(r.Header.Get("Retry-After")), Err: err}
	default:
		return err
	}
}

// retryAfter reads the header's seconds (RFC 9110, 10.2.3); a date is left to the usual pause.
func retryAfter(value string) time.Duration {
	seconds, err := strconv.Atoi(strings.TrimSpace(value))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, time.Hour)
}
