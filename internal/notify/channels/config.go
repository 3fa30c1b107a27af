// Package channels reads people's configuration of notifications and makes the channels that it names.
package channels

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"

	"sigs.k8s.io/yaml"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/notify"
)

// Config is a file of notifications. Secrets are not in it but in files that it names: they are read when they are
// needed, so that one that was replaced counts at once.
type Config struct {
	APIVersion string    `json:"apiVersion"`
	Kind       string    `json:"kind"`
	Channels   []Channel `json:"channels"`
}

// KindConfig is the kind of a Config.
const KindConfig = "NotificationConfig"

// Channel is one channel: exactly one of its kinds is set.
type Channel struct {
	Name string `json:"name"`
	// When says which incidents are told of there; empty: all.
	When When `json:"when,omitzero"`
	// PerMinute and Burst bound how often something is sent.
	PerMinute int `json:"perMinute,omitempty"`
	Burst     int `json:"burst,omitempty"`

	Slack        *Slack        `json:"slack,omitempty"`
	SlackWebhook *SlackWebhook `json:"slackWebhook,omitempty"`
	Teams        *Teams        `json:"teams,omitempty"`
	PagerDuty    *PagerDuty    `json:"pagerduty,omitempty"`
	Opsgenie     *Opsgenie     `json:"opsgenie,omitempty"`
	Webhook      *Webhook      `json:"webhook,omitempty"`
	Email        *Email        `json:"email,omitempty"`
}

// When selects incidents. What is not set does not count.
type When struct {
	// Phases are those that begin what is told; of an incident that was told of once, all that follows is told.
	Phases []model.Phase `json:"phases,omitempty"`
	// Namespaces are patterns such as shop-*; an incident in no namespace matches none.
	Namespaces []string        `json:"namespaces,omitempty"`
	Causes     []model.CauseID `json:"causes,omitempty"`
}

// Slack is a bot, with buttons where SigningSecretFile is set.
type Slack struct {
	Channel           string `json:"channel"`
	TokenFile         string `json:"tokenFile"`
	SigningSecretFile string `json:"signingSecretFile,omitempty"`
	// Users are the users of the cluster by the ids of Slack's: only they may answer.
	Users map[string]string `json:"users,omitempty"`
	// API is another address of Slack's methods, for a proxy.
	API string `json:"api,omitempty"`
}

// SlackWebhook is an incoming webhook.
type SlackWebhook struct {
	URLFile string `json:"urlFile"`
}

// Teams is a workflow with a webhook.
type Teams struct {
	URLFile string `json:"urlFile"`
}

// PagerDuty is an integration of the Events API v2.
type PagerDuty struct {
	RoutingKeyFile string `json:"routingKeyFile"`
	URL            string `json:"url,omitempty"`
}

// Opsgenie is an API integration.
type Opsgenie struct {
	KeyFile    string   `json:"keyFile"`
	API        string   `json:"api,omitempty"`
	Responders []string `json:"responders,omitempty"`
}

// Webhook is a URL of people's own.
type Webhook struct {
	URL         string `json:"url,omitempty"`
	URLFile     string `json:"urlFile,omitempty"`
	SecretFile  string `json:"secretFile,omitempty"`
	Template    string `json:"template,omitempty"`
	ContentType string `json:"contentType,omitempty"`
}

// Email is a mail server.
type Email struct {
	Host         string   `json:"host"`
	Port         int      `json:"port"`
	Security     string   `json:"security,omitempty"`
	From         string   `json:"from"`
	To           []string `json:"to"`
	Username     string   `json:"username,omitempty"`
	PasswordFile string   `json:"passwordFile,omitempty"`
}

// Parse reads a configuration and says of everything that is wrong with it where it is.
func Parse(name string, data []byte) (Config, error) {
	var c Config
	if err := yaml.UnmarshalStrict(data, &c); err != nil {
		return c, fmt.Errorf("%s: %w", name, err)
	}
	if c.APIVersion != model.APIVersion || c.Kind != KindConfig {
		return c, fmt.Errorf("%s: it is no %s of %s", name, KindConfig, model.APIVersion)
	}
	var wrong []error
	seen := map[string]bool{}
	for i, channel := range c.Channels {
		at := fmt.Sprintf("%s: channels[%d] (%s)", name, i, channel.Name)
		if channel.Name == "" || seen[channel.Name] {
			wrong = append(wrong, fmt.Errorf("%s: each channel needs a name of its own", at))
		}
		seen[channel.Name] = true
		for _, err := range channel.problems() {
			wrong = append(wrong, fmt.Errorf("%s: %w", at, err))
		}
	}
	return c, errors.Join(wrong...)
}

// problems are what is wrong with a channel.
func (c Channel) problems() []error {
	var wrong []error
	need := func(field, value string) {
		if value == "" {
			wrong = append(wrong, fmt.Errorf("%s is missing", field))
		}
	}
	address := func(field, value string) {
		if u, err := url.Parse(value); value != "" && (err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http")) {
			wrong = append(wrong, fmt.Errorf("%s is no URL", field))
		}
	}
	kinds := 0
	if s := c.Slack; s != nil {
		kinds++
		need("slack.channel", s.Channel)
		need("slack.tokenFile", s.TokenFile)
		address("slack.api", s.API)
		if (s.SigningSecretFile == "") != (len(s.Users) == 0) {
			wrong = append(wrong, errors.New("slack.signingSecretFile and slack.users go together: buttons need both"))
		}
	}
	if s := c.SlackWebhook; s != nil {
		kinds++
		need("slackWebhook.urlFile", s.URLFile)
	}
	if t := c.Teams; t != nil {
		kinds++
		need("teams.urlFile", t.URLFile)
	}
	if p := c.PagerDuty; p != nil {
		kinds++
		need("pagerduty.routingKeyFile", p.RoutingKeyFile)
		address("pagerduty.url", p.URL)
	}
	if o := c.Opsgenie; o != nil {
		kinds++
		need("opsgenie.keyFile", o.KeyFile)
		address("opsgenie.api", o.API)
	}
	if w := c.Webhook; w != nil {
		kinds++
		if (w.URL == "") == (w.URLFile == "") {
			wrong = append(wrong, errors.New("webhook needs url or urlFile, one of them"))
		}
		address("webhook.url", w.URL)
	}
	if e := c.Email; e != nil {
		kinds++
		wrong = append(wrong, e.problems()...)
	}
	if kinds != 1 {
		wrong = append(wrong, fmt.Errorf("it needs one kind (slack, slackWebhook, teams, pagerduty, opsgenie, webhook, email), it has %d", kinds))
	}
	return append(wrong, c.When.problems()...)
}

func (e *Email) problems() []error {
	var wrong []error
	if e.Host == "" || e.From == "" || len(e.To) == 0 {
		wrong = append(wrong, errors.New("email needs host, from and to"))
	}
	if e.Port < 1 || e.Port > 65535 {
		wrong = append(wrong, errors.New("email.port is missing, for example 587"))
	}
	if !slices.Contains([]string{"", "starttls", "tls", "none"}, e.Security) {
		wrong = append(wrong, errors.New("email.security is starttls, tls or none"))
	}
	if (e.Username == "") != (e.PasswordFile == "") {
		wrong = append(wrong, errors.New("email.username and email.passwordFile go together"))
	}
	if e.Username != "" && e.Security == "none" {
		wrong = append(wrong, errors.New("email.security none would send the password in the clear"))
	}
	return wrong
}

func (w When) problems() []error {
	var wrong []error
	for _, p := range w.Phases {
		if !slices.Contains(model.Phases(), p) {
			wrong = append(wrong, fmt.Errorf("when.phases: %q is no phase", p))
		}
	}
	for _, pattern := range w.Namespaces {
		if _, err := path.Match(pattern, ""); err != nil {
			wrong = append(wrong, fmt.Errorf("when.namespaces: %q is no pattern", pattern))
		}
	}
	return wrong
}

// matches reports whether a message is for the channel.
func (w When) matches(m notify.Message) bool {
	if len(w.Causes) > 0 && !slices.Contains(w.Causes, m.Cause) {
		return false
	}
	if len(w.Namespaces) > 0 && !slices.ContainsFunc(w.Namespaces, func(pattern string) bool {
		ok, err := path.Match(pattern, m.Namespace)
		return err == nil && ok && m.Namespace != ""
	}) {
		return false
	}
	return len(w.Phases) == 0 || slices.Contains(w.Phases, m.Phase)
}
