//go:build integration && linux

package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/app"
	"github.com/gatemend/gatemend/internal/cli"
	"github.com/gatemend/gatemend/internal/testkit/apiserver"
)

// terminal is a pseudo-terminal: the program has one end, and a person sits at the other.
type terminal struct {
	program, person *os.File

	mu    sync.Mutex
	shown bytes.Buffer // since the last key or change of size
	all   bytes.Buffer
}

func openTerminal(t *testing.T) *terminal {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	term := &terminal{program: program, person: person}
	var reading sync.WaitGroup
	reading.Go(func() {
		chunk := make([]byte, 4096)
		for {
			n, err := person.Read(chunk) // fails once the program's end is closed
			term.mu.Lock()
			term.shown.Write(chunk[:n])
			term.all.Write(chunk[:n])
			term.mu.Unlock()
			if err != nil {
				return
			}
		}
	})
	t.Cleanup(func() {
		program.Close()
		reading.Wait()
		person.Close()
	})
	return term
}

// size sets how large it is.
func (term *terminal) size(t *testing.T, columns, rows uint16) {
	t.Helper()
	term.forget()
	if err := unix.IoctlSetWinsize(int(term.person.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: rows}); err != nil {
		t.Fatal(err)
	}
}

func (term *terminal) press(t *testing.T, keys string) {
	t.Helper()
	term.forget()
	if _, err := term.person.WriteString(keys); err != nil {
		t.Fatal(err)
	}
}

func (term *terminal) forget() {
	term.mu.Lock()
	defer term.mu.Unlock()
	term.shown.Reset()
}

func (term *terminal) text() string {
	term.mu.Lock()
	defer term.mu.Unlock()
	return ansi.Strip(term.shown.String())
}

// raw is all that came, with what moves the cursor and colours.
func (term *terminal) raw() string {
	term.mu.Lock()
	defer term.mu.Unlock()
	return term.all.String()
}

func (term *terminal) await(t *testing.T, word string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !strings.Contains(term.text(), word); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %q; seen:\n%s", word, term.text())
		}
	}
}

// A real terminal of 80 columns: the failing route is shown, Enter diagnoses it, another size is drawn anew, nothing is
// coloured where nobody wants that, and q gives the terminal back.
func TestScreenInATerminal(t *testing.T) {
	api := apiserver.Start(t)
	client := api.Kube(t)
	class := &networkingv1.IngressClass{ObjectMeta: metav1.ObjectMeta{Name: "nginx"}, Spec: networkingv1.IngressClassSpec{Controller: "k8s.io/ingress-nginx"}}
	if _, err := client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.NetworkingV1().IngressClasses().Create(t.Context(), class, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.NetworkingV1().Ingresses("shop").Create(t.Context(), ingress(), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	defer gateway.Close()

	term := openTerminal(t)
	term.size(t, 80, 24)
	app.Quiet()
	env := app.Env("gatemend", term.program, term.program, term.program, func(name string) string {
		return map[string]string{"TERM": "xterm-256color", "NO_COLOR": "1"}[name]
	})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	config, ended := kubeconfig(t, api.Admin), make(chan cli.Exit, 1)
	go func() {
		ended <- cli.Main(ctx, env, []string{
			"watch", "--kubeconfig", config, "--no-logs", "--probe-url", "http://shop.example.com/",
			"--probe-every", "1s", "--probe-address", strings.TrimPrefix(gateway.URL, "http://"),
		})
	}()
	term.await(t, "shop.example.com/")
	term.await(t, "100.0")
	term.press(t, "\r")
	term.await(t, "service-missing")
	term.press(t, "\x1b")
	term.size(t, 60, 16)
	term.await(t, "shop.example.com/")
	term.press(t, "q")
	select {
	case exit := <-ended:
		if exit != cli.ExitOK {
			t.Errorf("exit %d", exit)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("q does not end it")
	}
	raw := term.raw()
	for deadline := time.Now().Add(5 * time.Second); !givenBack(raw) && time.Now().Before(deadline); raw = term.raw() {
		time.Sleep(20 * time.Millisecond)
	}
	if !givenBack(raw) {
		t.Errorf("the terminal is not given back: %q", raw[max(0, len(raw)-300):])
	}
	if colour := regexp.MustCompile(`\x1b\[(3[0-8]|4[0-8]|9[0-7])[;m]`).FindString(raw); colour != "" {
		t.Errorf("%q, though nobody wants colours", colour)
	}
}

// givenBack reports whether the other screen, on which all was drawn, was entered and left.
func givenBack(raw string) bool {
	entered, left := strings.LastIndex(raw, "\x1b[?1049h"), strings.LastIndex(raw, "\x1b[?1049l")
	return entered >= 0 && left > entered
}
