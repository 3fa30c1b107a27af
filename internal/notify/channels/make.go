package channels

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/notify"
	"github.com/gatemend/gatemend/internal/notify/email"
	"github.com/gatemend/gatemend/internal/notify/opsgenie"
	"github.com/gatemend/gatemend/internal/notify/pagerduty"
	"github.com/gatemend/gatemend/internal/notify/post"
	"github.com/gatemend/gatemend/internal/notify/slack"
	"github.com/gatemend/gatemend/internal/notify/teams"
	"github.com/gatemend/gatemend/internal/notify/webhook"
)

// Outside is what channels need of the outside.
type Outside struct {
	ReadFile func(path string) ([]byte, error)
	Now      func() time.Time
	// Approver makes clicks count; nil: there are no buttons.
	Approver notify.Approver
	// Told is told of clicks that were refused.
	Told func(error)
}

// requestTimeout bounds one request; the dispatcher bounds a try as a whole.
const requestTimeout = 10 * time.Second

// Make makes the channels of a configuration, and the handlers of clicks by the names of their channels.
func Make(c Config, o Outside) ([]notify.Route, map[string]http.Handler, error) {
	client := post.Client(requestTimeout)
	clicks := map[string]http.Handler{}
	routes := make([]notify.Route, 0, len(c.Channels))
	for _, one := range c.Channels {
		channel, err := one.make(client, o)
		if err != nil {
			return nil, nil, fmt.Errorf("channel %s: %w", one.Name, err)
		}
		if one.buttons(o) {
			clicks[one.Name] = &slack.Handler{
				SigningSecret: secret(o, one.Slack.SigningSecretFile), Users: one.Slack.Users, Approver: o.Approver, Now: o.Now, Client: client, Told: o.Told,
			}
		}
		routes = append(routes, notify.Route{
			Name: one.Name, Channel: channel, PerMinute: one.PerMinute, Burst: one.Burst, Match: one.When.matches,
			Follow: len(one.When.Phases) > 0,
		})
	}
	return routes, clicks, nil
}

func (c Channel) buttons(o Outside) bool {
	return c.Slack != nil && c.Slack.SigningSecretFile != "" && o.Approver != nil
}

func (c Channel) make(client *http.Client, o Outside) (notify.Channel, error) {
	switch {
	case c.Slack != nil:
		return &slack.Bot{Client: client, Token: secret(o, c.Slack.TokenFile), Channel: c.Slack.Channel, API: c.Slack.API, Buttons: c.buttons(o)}, nil
	case c.SlackWebhook != nil:
		return &slack.Webhook{Client: client, URL: secret(o, c.SlackWebhook.URLFile)}, nil
	case c.Teams != nil:
		return &teams.Channel{Client: client, URL: secret(o, c.Teams.URLFile)}, nil
	case c.PagerDuty != nil:
		return &pagerduty.Channel{Client: client, RoutingKey: secret(o, c.PagerDuty.RoutingKeyFile), URL: c.PagerDuty.URL}, nil
	case c.Opsgenie != nil:
		return &opsgenie.Channel{Client: client, Key: secret(o, c.Opsgenie.KeyFile), API: c.Opsgenie.API, Responders: c.Opsgenie.Responders}, nil
	case c.Webhook != nil:
		return c.Webhook.make(client, o)
	case c.Email != nil:
		return c.Email.make(o), nil
	}
	return nil, errors.New("it is of no kind")
}

func (w *Webhook) make(client *http.Client, o Outside) (notify.Channel, error) {
	channel := &webhook.Channel{Client: client, ContentType: w.ContentType, Now: o.Now, URL: func() (string, error) { return w.URL, nil }}
	if w.URLFile != "" {
		channel.URL = secret(o, w.URLFile)
	}
	if w.SecretFile != "" {
		channel.Secret = secret(o, w.SecretFile)
	}
	if w.Template != "" {
		t, err := webhook.ParseTemplate(w.Template)
		if err != nil {
			return nil, err
		}
		channel.Body = t
	}
	return channel, nil
}

func (e *Email) make(o Outside) notify.Channel {
	security := email.Security(e.Security)
	if security == "" {
		security = email.StartTLS
	}
	channel := &email.Channel{Host: e.Host, Port: e.Port, Security: security, From: e.From, To: e.To, Username: e.Username, Now: o.Now}
	if e.PasswordFile != "" {
		channel.Password = secret(o, e.PasswordFile)
	}
	return channel
}

// secret reads a file with a secret each time. Editors and 'kubectl create secret' leave line ends behind it.
func secret(o Outside, path string) notify.Secret {
	return func() (string, error) {
		data, err := o.ReadFile(path)
		if err != nil {
			return "", fmt.Errorf("read secret: %w", err)
		}
		value := strings.TrimSpace(string(data))
		if value == "" {
			return "", fmt.Errorf("read secret: %s is empty", path)
		}
		return value, nil
	}
}
