package email

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/gatemend/gatemend/internal/notify"
	"github.com/gatemend/gatemend/internal/testkit"
	"github.com/gatemend/gatemend/internal/testkit/notifytest"
)

// server is a mail server that keeps what it gets.
type server struct {
	mu    sync.Mutex
	mails []string
	to    []string
	plain bool // somebody logged in without protection
	data  error
}

type session struct {
	s    *server
	conn *smtp.Conn
	in   bool
}

func (s *server) NewSession(c *smtp.Conn) (smtp.Session, error) { return &session{s: s, conn: c}, nil }

func (x *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (x *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if _, protected := x.conn.TLSConnectionState(); !protected {
			x.s.plain = true
		}
		if username != "gatemend" || password != "hunter2" {
			return smtp.ErrAuthFailed
		}
		x.in = true
		return nil
	}), nil
}

func (x *session) Mail(string, *smtp.MailOptions) error {
	if !x.in {
		return smtp.ErrAuthRequired
	}
	return nil
}

func (x *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	x.s.to = append(x.s.to, to)
	return nil
}

func (x *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	if x.s.data != nil {
		return x.s.data
	}
	x.s.mails = append(x.s.mails, string(text))
	return nil
}

func (x *session) Reset()        {}
func (x *session) Logout() error { return nil }

// start starts a server that offers STARTTLS if it has a certificate, and a channel to it.
func start(t *testing.T, withTLS bool) (*server, *Channel) {
	t.Helper()
	s := &server{}
	smtpServer := smtp.NewServer(s)
	smtpServer.Domain, smtpServer.AllowInsecureAuth = "127.0.0.1", true
	c := &Channel{
		Host: "127.0.0.1", Security: StartTLS, From: "gatemend@example.com", To: []string{"oncall@example.com", "shop@example.com"},
		Username: "gatemend", Password: notifytest.Value("hunter2"), Now: func() time.Time { return time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC) },
	}
	certificates := httptest.NewUnstartedServer(nil) // a certificate for 127.0.0.1 and its authority
	certificates.StartTLS()
	t.Cleanup(certificates.Close)
	c.TLS = &tls.Config{RootCAs: certificates.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, ServerName: "127.0.0.1"}
	if withTLS {
		smtpServer.TLSConfig = &tls.Config{Certificates: certificates.TLS.Certificates}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.Port = listener.Addr().(*net.TCPAddr).Port
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = smtpServer.Serve(listener)
	}()
	t.Cleanup(func() { smtpServer.Close(); <-done })
	return s, c
}

func TestThread(t *testing.T) {
	s, c := start(t, true)
	var h notify.Handle
	var err error
	for _, m := range notifytest.Samples() {
		if m.Key != notifytest.Samples()[0].Key {
			h = ""
		}
		if h, err = c.Send(t.Context(), m, h); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.mails) != 6 || s.plain || len(s.to) != 12 {
		t.Fatalf("got %d mails to %v; password in the clear: %v", len(s.mails), s.to, s.plain)
	}
	ids := map[string]bool{}
	var first string
	for n, text := range s.mails {
		m, err := mail.ReadMessage(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		id := m.Header.Get("Message-ID")
		ids[id] = true
		if n == 0 {
			first = id
		}
		if n > 0 && n < 5 && (m.Header.Get("In-Reply-To") != first || m.Header.Get("References") != first) {
			t.Errorf("mail %d is not in the thread: %v", n, m.Header)
		}
		if m.Header.Get("Bcc") != "" || m.Header.Get("Auto-Submitted") != "auto-generated" {
			t.Errorf("got %v", m.Header)
		}
	}
	if len(ids) != 6 {
		t.Errorf("mails share ids: %v", ids)
	}
	var all strings.Builder
	for n, text := range s.mails[:5] {
		if n > 0 {
			all.WriteString("\n-- next --\n")
		}
		all.WriteString(strings.ReplaceAll(text, "\r\n", "\n"))
	}
	testkit.Golden(t, "testdata/mails.golden", all.String())
}

// A server that offers no protection gets neither the mail nor the password.
func TestProtectionIsRequired(t *testing.T) {
	s, c := start(t, false)
	if _, err := c.Send(t.Context(), notifytest.Samples()[0], ""); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
	if len(s.mails) > 0 || s.plain {
		t.Error("it was sent in the clear")
	}
}

func TestFailures(t *testing.T) {
	s, c := start(t, true)
	m := notifytest.Samples()[0]
	s.data = &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: "no thanks"}
	_, err := c.Send(t.Context(), m, "")
	if _, refused := errors.AsType[*notify.RefusedError](err); !refused {
		t.Errorf("got %v", err)
	}
	s.data = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "later"}
	_, err = c.Send(t.Context(), m, "")
	if _, refused := errors.AsType[*notify.RefusedError](err); err == nil || refused {
		t.Errorf("got %v", err)
	}
	c.Password = notifytest.Value("wrong-one")
	if _, err := c.Send(t.Context(), m, ""); err == nil || strings.Contains(err.Error(), "wrong-one") {
		t.Errorf("got %v", err)
	}
	c.From = "no address\r\nBcc: x@example.com"
	if _, err := c.Send(t.Context(), m, ""); err == nil {
		t.Error("an address that is none was used")
	}
}
