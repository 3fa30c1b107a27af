//go:build integration && unix

// Package postgres gives tests a real PostgreSQL on a socket in a folder of its own: nothing listens on a network.
package postgres

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// Server is a PostgreSQL that lives as long as a test.
type Server struct {
	bin, dir string
	as       *syscall.Credential
	cmd      *exec.Cmd
	ended    chan struct{}
	log      *bytes.Buffer
}

// Start starts a server. It never skips: a test that nobody runs proves nothing.
func Start(t *testing.T) *Server {
	t.Helper()
	s := &Server{bin: programs(t)}
	// Not t.TempDir: its folders are closed to the user that the server runs as, and too long for a socket.
	dir, err := os.MkdirTemp("", "pg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	s.dir = dir
	if os.Getuid() == 0 {
		s.as = unprivileged(t) // PostgreSQL refuses to run as root
		if err := os.Chown(dir, int(s.as.Uid), int(s.as.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	made, err := s.command("initdb", "-D", s.data(), "-U", "gatemend", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync").CombinedOutput()
	if err != nil {
		t.Fatalf("initdb: %v\n%s", err, made)
	}
	t.Cleanup(func() { s.Stop(t) })
	s.Run(t)
	return s
}

// programs finds the folder of the server's programs, which Debian keeps out of PATH.
func programs(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err == nil && len(found) > 0 {
		return filepath.Dir(slices.Max(found))
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		t.Fatal("PostgreSQL is not installed: run 'make test-integration', or install package postgresql")
	}
	return filepath.Dir(path)
}

func unprivileged(t *testing.T) *syscall.Credential {
	t.Helper()
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.Background(), filepath.Join(s.bin, name), args...) // Stop ends it, after the test has
	cmd.Dir = s.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.as, Setpgid: true}
	return cmd
}

// Run starts the server again after Stop, and waits until it answers.
func (s *Server) Run(t *testing.T) {
	t.Helper()
	s.log = &bytes.Buffer{}
	s.cmd = s.command("postgres", "-D", s.data(), "-k", s.dir, "-c", "listen_addresses=", "-c", "fsync=off", "-c", "shared_buffers=16MB", "-c", "max_connections=20")
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.ended = make(chan struct{})
	go func(cmd *exec.Cmd, ended chan struct{}) {
		_ = cmd.Wait()
		close(ended)
	}(s.cmd, s.ended)
	deadline := time.Now().Add(time.Minute)
	for s.command("pg_isready", "-q", "-h", s.dir).Run() != nil {
		select {
		case <-s.ended:
			t.Fatalf("PostgreSQL ended:\n%s", s.log)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatal("PostgreSQL does not answer")
		}
	}
}

// Stop ends the server and waits for its end. Connections are broken, as they are when a server dies.
func (s *Server) Stop(t *testing.T) {
	t.Helper()
	if s.cmd == nil {
		return
	}
	if err := s.cmd.Process.Signal(syscall.SIGQUIT); err != nil { // immediate shutdown
		t.Error(err)
	}
	<-s.ended
	s.cmd = nil
}

// Database makes an empty database and gives its DSN.
func (s *Server) Database(t *testing.T, name string) string {
	t.Helper()
	if out, err := s.command("createdb", "-h", s.dir, "-U", "gatemend", name).CombinedOutput(); err != nil {
		t.Fatalf("createdb: %v\n%s", err, out)
	}
	return fmt.Sprintf("host=%s user=gatemend dbname=%s", s.dir, name)
}
