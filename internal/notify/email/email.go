// Package email tells of incidents by mail. All mails of one incident are one thread.
package email

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/gatemend/gatemend/internal/notify"
)

// Security is how the connection to the server is protected.
type Security string

// The kinds of protection.
const (
	StartTLS Security = "starttls" // required, not only tried
	TLS      Security = "tls"      // from the first byte on
	Plain    Security = "none"     // for a relay on the same machine
)

// Channel is a mail server with the people to write to.
type Channel struct {
	Host     string
	Port     int
	Security Security
	From     string
	To       []string
	// Username and Password log in; both or neither.
	Username string
	Password notify.Secret
	// TLS is how the server is verified; nil: by the system's certificates.
	TLS *tls.Config
	Now func() time.Time
}

// Updates is false.
func (*Channel) Updates() bool { return false }

// Send sends a mail: the first of an incident begins a thread, the further ones answer it.
func (c *Channel) Send(ctx context.Context, m notify.Message, sent notify.Handle) (notify.Handle, error) {
	thread := threadID(m.Key, c.From)
	message, err := c.compose(m, thread, sent != "")
	if err != nil {
		return "", &notify.RefusedError{Err: err}
	}
	client, err := c.client()
	if err != nil {
		return "", err
	}
	if err := client.DialAndSendWithContext(ctx, message); err != nil {
		return "", c.failure(err)
	}
	return notify.Handle(thread), nil
}

// failure says whether to try again: a server's 5xx on a mail is its last word on it (RFC 5321, 4.2.1).
func (c *Channel) failure(err error) error {
	wrapped := fmt.Errorf("send mail through %s: %w", c.Host, err)
	if e, ok := errors.AsType[*mail.SendError](err); ok && !e.IsTemp() && e.ErrorCode()/100 == 5 {
		return &notify.RefusedError{Err: wrapped}
	}
	return wrapped
}

func (c *Channel) client() (*mail.Client, error) {
	options := []mail.Option{mail.WithPort(c.Port)}
	if c.TLS != nil {
		options = append(options, mail.WithTLSConfig(c.TLS))
	}
	switch c.Security {
	case TLS:
		options = append(options, mail.WithSSL())
	case Plain:
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	default:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if c.Username != "" {
		password, err := c.Password()
		if err != nil {
			return nil, err
		}
		// Plain auth goes over a protected connection only; the library refuses it otherwise.
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(c.Username), mail.WithPassword(password))
	}
	client, err := mail.NewClient(c.Host, options...)
	if err != nil {
		return nil, fmt.Errorf("send mail: %w", err)
	}
	return client, nil
}

func (c *Channel) compose(m notify.Message, thread string, answer bool) (*mail.Msg, error) {
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := errors.Join(msg.From(c.From), msg.To(c.To...)); err != nil {
		return nil, err
	}
	msg.Subject(notify.Cut(fmt.Sprintf("[%s] %s", m.State, m.Title), 200))
	msg.SetDateWithValue(c.Now())
	id := thread
	if answer {
		id = threadID(m.Key+"\x00"+m.At.UTC().Format(time.RFC3339Nano)+string(m.Phase), c.From)
		msg.SetGenHeader(mail.HeaderInReplyTo, "<"+thread+">")
		msg.SetGenHeader(mail.HeaderReferences, "<"+thread+">")
	}
	msg.SetMessageIDWithValue(id)
	// No answers of vacations, please (RFC 3834).
	msg.SetGenHeader(mail.Header("Auto-Submitted"), "auto-generated")
	msg.SetBodyString(mail.TypeTextPlain, body(m))
	return msg, nil
}

// body is the text of a mail.
func body(m notify.Message) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s\n\n", m.Title, m.Text)
	for _, f := range m.Fields {
		fmt.Fprintf(&b, "%-10s %s\n", f.Name+":", f.Value)
	}
	if m.Diff != "" {
		fmt.Fprintf(&b, "\n%s\n", strings.TrimRight(m.Diff, "\n"))
	}
	if m.Command != "" {
		fmt.Fprintf(&b, "\n%s\n", m.Command)
	}
	if m.Ask != nil {
		fmt.Fprintf(&b, "\nIt waits for a yes: kubectl get incident %s -o yaml says how to give it.\n", m.Ask.Incident)
	}
	return b.String()
}

// threadID is the id of an incident's first mail: it is the same whoever sends it.
func threadID(key, from string) string {
	_, domain, found := strings.Cut(from, "@")
	if !found {
		domain = "gatemend"
	}
	sum := sha256.Sum256([]byte(key))
	return "gatemend." + hex.EncodeToString(sum[:16]) + "@" + strings.Trim(domain, "> ")
}
