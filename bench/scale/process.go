package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a program that runs.
type process struct {
	name string
	cmd  *exec.Cmd
	log  string
	done chan struct{}
}

// start runs a program whose output goes to a file.
func (p *plane) start(ctx context.Context, name, path string, args ...string) (*process, error) {
	log := filepath.Join(p.bench.dir, name+".log")
	file, err := os.Create(log)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	defer file.Close()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Stdout, cmd.Stderr = file, file
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	proc := &process{name: name, cmd: cmd, log: log, done: make(chan struct{})}
	go func() { // ends with the process
		_ = cmd.Wait() // how it ended is seen by who waits for it
		close(proc.done)
	}()
	return proc, nil
}

// stop ends the process.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-p.done:
	case <-time.After(10 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// died is an error once the process has ended.
func (p *process) died() error {
	select {
	case <-p.done:
	default:
		return nil
	}
	data, err := os.ReadFile(p.log)
	if err != nil {
		return fmt.Errorf("%s ended", p.name)
	}
	return fmt.Errorf("%s ended; its log ends:\n%s", p.name, data[max(0, len(data)-2000):])
}

// usage is what a process has used so far.
type usage struct {
	cpu       time.Duration // user and system
	rss, most int64         // bytes: now, and at most ever
}

func (u usage) since(before usage) usage { return usage{u.cpu - before.cpu, u.rss, u.most} }

// usage of the process; zeros once it has ended, or if there is none.
func (p *process) usage() usage {
	if p == nil {
		return usage{}
	}
	return usageOf(p.cmd.Process.Pid)
}

// usageOf reads what Linux says of a process (proc_pid_stat(5), proc_pid_status(5)); zeros if there is none.
func usageOf(pid int) usage {
	var u usage
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return u
	}
	// The second field is the program's name in parentheses, which may contain anything.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 13 {
		return u
	}
	const tick = 10 * time.Millisecond // USER_HZ is 100 on all of Linux's architectures
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return usage{}
		}
		u.cpu += time.Duration(n) * tick
	}
	status, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return u
	}
	for line := range strings.Lines(string(status)) {
		key, value, _ := strings.Cut(line, ":")
		kb, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		switch key {
		case "VmRSS":
			u.rss = kb << 10
		case "VmHWM":
			u.most = kb << 10
		}
	}
	return u
}

// freePort is a port on which nobody listens now.
func freePort(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}

// fetchTo writes the answer of a URL to a file.
func fetchTo(ctx context.Context, url, file string) error {
	body, err := fetch(ctx, url)
	if err != nil {
		return err
	}
	defer body.Close()
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer out.Close()
	_, err = io.Copy(out, body)
	return err
}

// fetch opens what an address answers.
func fetch(ctx context.Context, url string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}
