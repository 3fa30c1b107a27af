package slack

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/gatemend/gatemend/internal/notify"
	"github.com/gatemend/gatemend/internal/notify/post"
)

// Handler receives clicks on the buttons: the request URL of the app's interactivity. A click counts if Slack has
// signed it within the last minutes and if the Slack user is that of a user of the cluster; what that user may do is
// decided by the approver, not here.
type Handler struct {
	// SigningSecret is the app's, https://docs.slack.dev/authentication/verifying-requests-from-slack.
	SigningSecret notify.Secret
	// Users are the users of the cluster by the ids of Slack's users, such as U0123456789.
	Users    map[string]string
	Approver notify.Approver
	Now      func() time.Time
	// Client answers people who may not, or are too late. AnswersAt is the host to which answers may go; empty:
	// hooks.slack.com, so that nobody has them sent elsewhere.
	Client    *http.Client
	AnswersAt string
	// Told is told of every click that was refused; nil: nobody is.
	Told func(error)
}

const (
	maxClick = 1 << 20
	// maxAge is how old a request may be: within it a copy of one may be sent again, which decides nothing new.
	maxAge = 5 * time.Minute
	// answerWithin is a little less than the three seconds after which Slack shows an error.
	answerWithin = 2500 * time.Millisecond
)

// interaction is the part of Slack's payload that is read,
// https://docs.slack.dev/reference/interaction-payloads/block_actions-payload.
type interaction struct {
	Type string `json:"type"`
	User struct {
		ID       string `json:"id"`
		Username string `json:"username"`
	} `json:"user"`
	ResponseURL string `json:"response_url"`
	Actions     []struct {
		ActionID string `json:"action_id"`
		Value    string `json:"value"`
	} `json:"actions"`
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		http.Error(w, "POST only", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxClick))
	if err != nil {
		http.Error(w, "the request is too large or was cut off", http.StatusBadRequest)
		return
	}
	if err := h.verify(r.Header, body); err != nil {
		h.tell(err)
		http.Error(w, "not signed by Slack", http.StatusUnauthorized)
		return
	}
	i, err := parse(body)
	if err != nil {
		h.tell(err)
		http.Error(w, "no click on a button", http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusOK)
	ctx, cancel := context.WithTimeout(r.Context(), answerWithin)
	defer cancel()
	if err := h.decide(ctx, i); err != nil {
		h.tell(err)
		h.answer(ctx, i, err)
	}
}

func (h *Handler) tell(err error) {
	if h.Told != nil {
		h.Told(err)
	}
}

// verify checks the signature, version v0, over the time and the body.
func (h *Handler) verify(header http.Header, body []byte) error {
	secret, err := h.SigningSecret()
	if err != nil {
		return err
	}
	if secret == "" {
		return errors.New("the signing secret is empty")
	}
	stamp := header.Get("X-Slack-Request-Timestamp")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return errors.New("a click without a time")
	}
	if age := h.Now().Sub(time.Unix(seconds, 0)); age > maxAge || age < -maxAge {
		return fmt.Errorf("a click of %s ago; is the clock right?", age.Round(time.Second))
	}
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "v0:%s:%s", stamp, body)
	want := "v0=" + hex.EncodeToString(mac.Sum(nil))
	if !hmac.Equal([]byte(want), []byte(header.Get("X-Slack-Signature"))) {
		return errors.New("a click that Slack has not signed with this secret")
	}
	return nil
}

// parse reads a click: a form with JSON in it.
func parse(body []byte) (interaction, error) {
	var i interaction
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return i, errors.New("a click that is no form")
	}
	if err := json.Unmarshal([]byte(form.Get("payload")), &i); err != nil {
		return i, errors.New("a click without a payload")
	}
	if i.Type != "block_actions" || len(i.Actions) != 1 {
		return i, fmt.Errorf("an interaction of type %q with %d actions", notify.Cut(i.Type, 40), len(i.Actions))
	}
	return i, nil
}

func (h *Handler) decide(ctx context.Context, i interaction) error {
	a := notify.Approval{Through: "slack", Identity: fmt.Sprintf("%s (%s)", notify.Cut(i.User.Username, 80), notify.Cut(i.User.ID, 40))}
	switch i.Actions[0].ActionID {
	case actionApprove:
		a.Yes = true
	case actionReject:
	default:
		return fmt.Errorf("a click on %q, which is no button of gatemend", notify.Cut(i.Actions[0].ActionID, 40))
	}
	d := json.NewDecoder(bytes.NewReader([]byte(i.Actions[0].Value)))
	d.DisallowUnknownFields()
	if err := d.Decode(&a.Question); err != nil || a.Incident == "" || a.Plan == "" {
		return errors.New("a click on a button that gatemend did not make")
	}
	user, known := h.Users[i.User.ID]
	if !known || user == "" {
		return fmt.Errorf("%w: Slack user %s is nobody of the cluster; the configuration's users say who is whom", notify.ErrNotAllowed, notify.Cut(i.User.ID, 40))
	}
	a.User = user
	return h.Approver.Approve(ctx, a)
}

// answer tells the one who clicked, and nobody else, why it does not count.
func (h *Handler) answer(ctx context.Context, i interaction, err error) {
	host := h.AnswersAt
	if host == "" {
		host = "hooks.slack.com"
	}
	target, urlErr := url.Parse(i.ResponseURL)
	if urlErr != nil || target.Scheme != "https" || target.Host != host {
		return
	}
	say := "It could not be recorded; try again, or: kubectl get incidents"
	switch {
	case errors.Is(err, notify.ErrNotAllowed):
		say = "It does not count: " + err.Error()
	case errors.Is(err, notify.ErrTooLate):
		say = "It does not count: " + notify.ErrTooLate.Error()
	}
	body, _ := json.Marshal(map[string]any{"response_type": "ephemeral", "replace_original": false, "text": escape(say)}) //nolint:errchkjson // strings are always written
	if _, err := post.Send(ctx, h.Client, i.ResponseURL, nil, body); err != nil {
		h.tell(err)
	}
}
