package post

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/notify"
)

func TestAnswers(t *testing.T) {
	for status, c := range map[int]struct {
		retryAfter    string
		refused, busy bool
		after         time.Duration
	}{
		200: {}, 202: {},
		302: {}, 401: {}, 404: {}, 500: {},
		400: {refused: true}, 413: {refused: true}, 422: {refused: true},
		429: {retryAfter: "17", busy: true, after: 17 * time.Second},
		503: {retryAfter: "Wed, 21 Oct 2026 07:28:00 GMT", busy: true},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			if q.URL.Path != "/hidden" {
				t.Error("a redirect was followed, with what is secret")
			}
			w.Header().Set("Retry-After", c.retryAfter)
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
			_, _ = w.Write([]byte("because\n" + strings.Repeat("long ", 1000)))
		}))
		_, err := Send(t.Context(), Client(time.Second), server.URL+"/hidden", http.Header{"Authorization": {"s3cret"}}, []byte("{}"))
		server.Close()
		if (err == nil) != (status/100 == 2) {
			t.Errorf("%d: got %v", status, err)
		}
		if _, refused := errors.AsType[*notify.RefusedError](err); refused != c.refused {
			t.Errorf("%d: got %v", status, err)
		}
		busy, isBusy := errors.AsType[*notify.BusyError](err)
		if isBusy != c.busy || (isBusy && busy.After != c.after) {
			t.Errorf("%d: got %v", status, err)
		}
		if err != nil && (len(err.Error()) > 400 || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%d: the error has %d characters", status, len(err.Error()))
		}
	}
}

// URLs of webhooks are secrets.
func TestErrorsHaveNoURL(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for _, target := range []string{closed.URL + "/services/T0/B0/hidden", "http://[::1/hidden", "hidden\x00", "ftp://hidden.invalid/"} {
		_, err := Send(t.Context(), Client(time.Second), target, nil, nil)
		if err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("got %v", err)
		}
	}
}
