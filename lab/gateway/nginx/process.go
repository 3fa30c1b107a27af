package nginx

import (
	"io"
	"path/filepath"
	"syscall"

	"github.com/gatemend/gatemend/lab/gateway"
)

// Process returns a process for the nginx at binary that keeps its files in folder.
func Process(binary, folder string, stdout, stderr io.Writer) *gateway.Process {
	return &gateway.Process{
		Binary: binary, Config: filepath.Join(folder, "nginx.conf"),
		// -e keeps nginx from opening the log file that it was built for, before it reads error_log.
		Args:   func(config string) []string { return []string{"-e", "stderr", "-c", config} },
		Check:  func(config string) []string { return []string{"-t", "-q", "-e", "stderr", "-c", config} },
		Reload: syscall.SIGHUP, Quit: syscall.SIGQUIT,
		Stdout: stdout, Stderr: stderr,
	}
}
