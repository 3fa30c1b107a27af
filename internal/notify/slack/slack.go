// Package slack tells of incidents in Slack: through an incoming webhook, which can only add messages, or as a bot,
// which keeps its message up to date and asks with buttons. [Handler] receives the clicks.
package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/gatemend/gatemend/internal/notify"
	"github.com/gatemend/gatemend/internal/notify/post"
)

// API is where Slack's methods are.
const API = "https://slack.com/api"

// Webhook is an incoming webhook, https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks.
type Webhook struct {
	Client *http.Client
	URL    notify.Secret
}

// Updates is false: what a webhook has posted cannot be changed.
func (*Webhook) Updates() bool { return false }

// Send posts a message.
func (w *Webhook) Send(ctx context.Context, m notify.Message, _ notify.Handle) (notify.Handle, error) {
	target, err := w.URL()
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(render(m, false))
	if err != nil {
		return "", &notify.RefusedError{Err: err}
	}
	_, err = post.Send(ctx, w.Client, target, nil, body)
	return "", err
}

// Bot posts as a bot user with the right chat:write.
type Bot struct {
	Client *http.Client
	Token  notify.Secret
	// Channel is the channel's id, such as C0123456789.
	Channel string
	// API is where the methods are; empty: [API].
	API string
	// Buttons: clicks are received, so questions are asked.
	Buttons bool
}

// Updates is true: the message of an incident is changed in place.
func (*Bot) Updates() bool { return true }

// posted is the body of chat.postMessage and chat.update.
type posted struct {
	Channel string `json:"channel"`
	TS      string `json:"ts,omitempty"`
	content
	UnfurlLinks *bool `json:"unfurl_links,omitempty"`
}

// Send posts the first message of an incident and changes it afterwards.
func (b *Bot) Send(ctx context.Context, m notify.Message, sent notify.Handle) (notify.Handle, error) {
	// The handle is the channel and the timestamp, which together name a message.
	channel, ts, known := strings.Cut(string(sent), "/")
	if !known || channel == "" {
		return b.call(ctx, "chat.postMessage", posted{Channel: b.Channel, content: render(m, b.Buttons), UnfurlLinks: new(bool)})
	}
	h, err := b.call(ctx, "chat.update", posted{Channel: channel, TS: ts, content: render(m, b.Buttons)})
	if e, ok := errors.AsType[*apiError](err); ok && (e.code == "message_not_found" || e.code == "cant_update_message") {
		return b.Send(ctx, m, "") // somebody deleted it, or the bot is another one now
	}
	return h, err
}

// apiError is an error that Slack names by a code, https://docs.slack.dev/reference/methods/chat.postMessage#errors.
type apiError struct{ method, code string }

func (e *apiError) Error() string { return fmt.Sprintf("slack refused %s: %s", e.method, e.code) }

func (b *Bot) call(ctx context.Context, method string, p posted) (notify.Handle, error) {
	token, err := b.Token()
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(p)
	if err != nil {
		return "", &notify.RefusedError{Err: err}
	}
	api := b.API
	if api == "" {
		api = API
	}
	header := http.Header{"Authorization": {"Bearer " + token}, "Content-Type": {"application/json; charset=utf-8"}}
	answer, err := post.Send(ctx, b.Client, api+"/"+method, header, body)
	if err != nil {
		return "", err
	}
	var a struct {
		OK      bool   `json:"ok"`
		Error   string `json:"error"`
		Channel string `json:"channel"`
		TS      string `json:"ts"`
	}
	if err := json.Unmarshal(answer, &a); err != nil {
		return "", fmt.Errorf("read Slack's answer: %w", err)
	}
	if !a.OK {
		err := &apiError{method, notify.Cut(a.Error, 80)}
		switch a.Error {
		case "invalid_blocks", "msg_too_long", "no_text", "invalid_arguments", "invalid_blocks_format", "msg_blocks_too_long":
			return "", &notify.RefusedError{Err: err}
		case "ratelimited", "rate_limited":
			return "", &notify.BusyError{Err: err}
		}
		return "", err
	}
	return notify.Handle(a.Channel + "/" + a.TS), nil
}
