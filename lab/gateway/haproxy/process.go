package haproxy

import (
	"io"
	"path/filepath"
	"syscall"

	"github.com/gatemend/gatemend/lab/gateway"
)

// Process returns a process for the haproxy at binary that keeps its files in folder. It runs as master
// and worker: SIGUSR2 starts a new worker on the same listening sockets, and the old one finishes.
func Process(binary, folder string, stdout, stderr io.Writer) *gateway.Process {
	return &gateway.Process{
		Binary: binary, Config: filepath.Join(folder, "haproxy.cfg"),
		Args:   func(config string) []string { return []string{"-W", "-db", "-f", config} },
		Check:  func(config string) []string { return []string{"-c", "-q", "-f", config} },
		Reload: syscall.SIGUSR2, Quit: syscall.SIGUSR1,
		Stdout: stdout, Stderr: stderr,
	}
}
