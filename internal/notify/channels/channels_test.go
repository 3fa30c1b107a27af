package channels

import (
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/notify"
	"github.com/gatemend/gatemend/internal/testkit/notifytest"
)

// The example of the documentation has every kind, and works.
func TestExampleOfTheDocs(t *testing.T) {
	text, err := os.ReadFile("../../../docs/notifications.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(text), "```yaml\n")
	example, _, found := strings.Cut(example, "```")
	if !found {
		t.Fatal("docs/notifications.md has no example")
	}
	c, err := Parse("notifications.yaml", []byte(example))
	if err != nil {
		t.Fatal(err)
	}
	read := func(string) ([]byte, error) { return []byte("s\n"), nil }
	routes, clicks, err := Make(c, Outside{ReadFile: read, Now: time.Now, Approver: nobody{}})
	if err != nil || len(routes) != 7 || len(clicks) != 1 {
		t.Errorf("got %d routes, %d receivers of clicks, %v", len(routes), len(clicks), err)
	}
	if _, clicks, err = Make(c, Outside{ReadFile: read, Now: time.Now}); err != nil || len(clicks) != 0 {
		t.Errorf("without an approver: %d receivers of clicks, %v", len(clicks), err)
	}
}

type nobody struct{ notify.Approver }

func TestWrongConfigs(t *testing.T) {
	const head = "apiVersion: gatemend.dev/v1alpha1\nkind: NotificationConfig\nchannels:\n"
	for text, want := range map[string]string{
		"":                                  "it is no NotificationConfig",
		"a: [":                              "yaml",
		"apiVersion: v1\nkind: ConfigMap\n": "it is no NotificationConfig",
		head + "- {name: a}":                "it needs one kind",
		head + "- {name: a, teams: {urlFile: x}, pagerduty: {routingKeyFile: x}}":                                        "it has 2",
		head + "- {teams: {urlFile: x}}":                                                                                 "name of its own",
		head + "- {name: a, teams: {urlFile: x}}\n- {name: a, teams: {urlFile: x}}":                                      "channels[1] (a): each channel needs a name",
		head + "- {name: a, teams: {url: 'https://x'}}":                                                                  `unknown field "url"`,
		head + "- {name: a, teams: {}}":                                                                                  "teams.urlFile is missing",
		head + "- {name: a, slack: {channel: C, tokenFile: t, signingSecretFile: s}}":                                    "go together",
		head + "- {name: a, slack: {tokenFile: t}}":                                                                      "slack.channel is missing",
		head + "- {name: a, webhook: {}}":                                                                                "url or urlFile",
		head + "- {name: a, webhook: {url: 'file:///etc/passwd'}}":                                                       "no URL",
		head + "- {name: a, webhook: {url: 'https://x', urlFile: y}}":                                                    "one of them",
		head + "- {name: a, opsgenie: {keyFile: k, api: api.eu.opsgenie.com}}":                                           "no URL",
		head + "- {name: a, email: {host: h, port: 25, from: f}}":                                                        "host, from and to",
		head + "- {name: a, email: {host: h, from: f, to: [t]}}":                                                         "port is missing",
		head + "- {name: a, email: {host: h, port: 25, from: f, to: [t], security: ssl}}":                                "starttls, tls or none",
		head + "- {name: a, email: {host: h, port: 25, from: f, to: [t], username: u}}":                                  "go together",
		head + "- {name: a, email: {host: h, port: 25, from: f, to: [t], username: u, passwordFile: p, security: none}}": "in the clear",
		head + "- {name: a, teams: {urlFile: x}, when: {phases: [Started]}}":                                             `"Started" is no phase`,
		head + "- {name: a, teams: {urlFile: x}, when: {namespaces: ['[']}}":                                             "no pattern",
		head + "- {name: a, teams: {urlFile: x}, perMinute: often}":                                                      "perMinute",
	} {
		_, err := Parse("n.yaml", []byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot %v, want %s", text, err, want)
		}
	}
	c, err := Parse("n.yaml", []byte(head+"- {name: a, webhook: {url: 'https://x', template: '{{'}}"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Make(c, Outside{}); err == nil || !strings.Contains(err.Error(), "channel a: read template") {
		t.Errorf("got %v", err)
	}
}

func TestWhen(t *testing.T) {
	m := notify.Message{Phase: model.PhaseEscalated, Namespace: "shop-eu", Cause: "oom-killed"}
	for _, c := range []struct {
		when When
		want bool
	}{
		{When{}, true},
		{When{Phases: []model.Phase{model.PhaseEscalated}}, true},
		{When{Phases: []model.Phase{model.PhaseResolved}}, false},
		{When{Namespaces: []string{"x", "shop-*"}}, true},
		{When{Namespaces: []string{"shop"}}, false},
		{When{Causes: []model.CauseID{"oom-killed"}, Namespaces: []string{"shop-*"}, Phases: model.Phases()}, true},
		{When{Causes: []model.CauseID{"other"}}, false},
	} {
		if got := c.when.matches(m); got != c.want {
			t.Errorf("%+v: got %v", c.when, got)
		}
	}
	if (When{Namespaces: []string{"*"}}).matches(notify.Message{}) {
		t.Error("what is in no namespace is in one")
	}
}

// A secret that is replaced counts at once, and one that cannot be read is said by its file.
func TestSecretsAreReadEachTime(t *testing.T) {
	r := notifytest.NewReceiver(t, func(http.ResponseWriter, *http.Request) {})
	value, readErr := "", error(nil)
	c, err := Parse("n.yaml", []byte("apiVersion: gatemend.dev/v1alpha1\nkind: NotificationConfig\nchannels: [{name: a, opsgenie: {keyFile: /k, api: '"+r.URL+"'}}]"))
	if err != nil {
		t.Fatal(err)
	}
	routes, _, err := Make(c, Outside{ReadFile: func(string) ([]byte, error) { return []byte(value), readErr }, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	send := func() error { _, err := routes[0].Channel.Send(t.Context(), notifytest.Samples()[0], ""); return err }
	if err := send(); err == nil || !strings.Contains(err.Error(), "/k is empty") {
		t.Errorf("got %v", err)
	}
	for _, value = range []string{"first\n", " second\r\n"} {
		if err := send(); err != nil {
			t.Fatal(err)
		}
	}
	if readErr = errors.New("gone"); send() == nil {
		t.Error("a secret that is gone was used")
	}
	got := r.Got()
	if len(got) != 2 || got[0].Header.Get("Authorization") != "GenieKey first" || got[1].Header.Get("Authorization") != "GenieKey second" {
		t.Errorf("got %v", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("apiVersion: gatemend.dev/v1alpha1\nkind: NotificationConfig\nchannels: [{name: a, teams: {urlFile: x}, when: {namespaces: ['*']}}]")
	f.Fuzz(func(_ *testing.T, text string) {
		c, err := Parse("n.yaml", []byte(text))
		if err == nil {
			_, _, _ = Make(c, Outside{})
		}
	})
}
