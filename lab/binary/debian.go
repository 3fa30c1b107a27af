package binary

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Package is a Debian package that the lab needs, recognised by a file that
// it installs, so that a machine on which all are present is not even asked.
type Package struct {
	// Name is the package's name.
	Name string
	// File is an absolute path, in which * stands for a version, or a bare name
	// to look for in the folders of administrators' programs.
	File string
}

// HostPackages are what a cluster needs from the host; a node runs these.
func HostPackages() []Package {
	return []Package{
		{"conntrack", "conntrack"},
		{"containerd", "containerd"},
		{"containernetworking-plugins", "/usr/lib/cni/bridge"},
		{"iproute2", "ip"},
		{"iptables", "iptables"},
		{"kmod", "modprobe"},
		{"nftables", "nft"},
		{"runc", "runc"},
		{"socat", "socat"},
		{"util-linux", "nsenter"},
	}
}

// ProxyPackages are the proxies that become images.
func ProxyPackages() []Package {
	return []Package{
		{"haproxy", "haproxy"},
		{"nginx-light", "nginx"},
	}
}

// MonitoringPackages are what detection is compared with. Alertmanager finds its templates only where its
// package puts them.
func MonitoringPackages() []Package {
	return []Package{
		{"prometheus", "prometheus"},
		{"prometheus-alertmanager", "prometheus-alertmanager"},
	}
}

// TestPackages are what integration tests need beside an API server.
func TestPackages() []Package {
	return []Package{
		{"postgresql", "/usr/lib/postgresql/*/bin/postgres"},
		{"prometheus", "prometheus"},
	}
}

// pipPackage is what provides pip, needed for Envoy only.
func pipPackage() Package { return Package{"python3-pip", "pip3"} }

// ErrNoApt says that packages are missing on a machine without apt-get.
var ErrNoApt = errors.New("apt-get not found")

// LookHost finds a program of the host: in PATH, else in the folders of
// administrators' programs, which PATH may lack.
func LookHost(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return filepath.Abs(path)
	}
	for _, dir := range []string{"/usr/local/sbin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"} {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("find program %s: %w", name, exec.ErrNotFound)
}

// Missing lists the packages whose file is not there, sorted.
func Missing(packages []Package) []string {
	var names []string
	for _, p := range packages {
		if !p.present() {
			names = append(names, p.Name)
		}
	}
	slices.Sort(names)
	return names
}

// present says whether the package's file is there.
func (p Package) present() bool {
	if strings.HasPrefix(p.File, "/") {
		found, err := filepath.Glob(p.File)
		return err == nil && len(found) > 0
	}
	_, err := LookHost(p.File)
	return err == nil
}

// Install installs, with apt-get, those of the packages that are missing. No
// service of theirs is started, now or at the next boot: the lab runs the
// programs itself. It needs root and waits while another apt-get runs.
func (s *Store) Install(ctx context.Context, packages []Package) error {
	missing := Missing(packages)
	if len(missing) == 0 {
		return nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("install %s: %w: install them by hand, the lab does it on Debian only", strings.Join(missing, ", "), ErrNoApt)
	}
	unlock, err := lock(ctx, filepath.Join(s.Dir, "apt.lock"))
	if err != nil {
		return err
	}
	defer unlock()
	if missing = Missing(packages); len(missing) == 0 {
		return nil
	}
	err = s.heartbeat("installing "+strings.Join(missing, ", "), true, nil, func() error {
		return install(ctx, missing)
	})
	if err != nil {
		return err
	}
	if still := Missing(packages); len(still) > 0 {
		return fmt.Errorf("install packages: apt-get succeeded, but the files of %s are not there", strings.Join(still, ", "))
	}
	return nil
}

// install runs apt-get update and install with services held back.
func install(ctx context.Context, names []string) error {
	release, err := holdServices(policyFile)
	if err != nil {
		return err
	}
	defer release()
	if err := aptGet(ctx, "update"); err != nil {
		return err
	}
	args := []string{"install", "--yes", "--no-install-recommends", "-o", "Dpkg::Options::=--force-confold"}
	if err := aptGet(ctx, append(args, names...)...); err != nil {
		return err
	}
	// The packages enable their services for the next boot.
	for _, name := range names {
		service, ok := services()[name]
		if !ok {
			continue
		}
		if systemctl, err := exec.LookPath("systemctl"); err == nil {
			// Without systemd in charge this may complain; then nothing
			// starts services at boot either.
			_ = exec.CommandContext(ctx, systemctl, "disable", service).Run()
		}
	}
	return nil
}

// services maps a package to the service that it enables.
func services() map[string]string {
	return map[string]string{
		"containerd": "containerd", "haproxy": "haproxy", "nginx-light": "nginx", "postgresql": "postgresql",
		"prometheus": "prometheus", "prometheus-alertmanager": "prometheus-alertmanager",
	}
}

// aptWait bounds the wait for another apt-get: a first upgrade of a fresh
// machine may hold the locks for minutes.
const aptWait = 10 * time.Minute

// aptGet runs one apt-get command and waits for the locks of another one.
func aptGet(ctx context.Context, args ...string) error {
	deadline := time.Now().Add(aptWait)
	// The option covers the lock of dpkg; that of the package lists, which
	// update takes, fails at once and is tried again here.
	args = append([]string{"-q", "-o", fmt.Sprintf("DPkg::Lock::Timeout=%d", int(aptWait.Seconds()))}, args...)
	for {
		// Stopped half way it would leave packages that are neither there nor
		// not there: it always ends by itself, and does not hear Ctrl-C.
		cmd := exec.CommandContext(context.WithoutCancel(ctx), "apt-get", args...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C")
		text, err := cmd.CombinedOutput()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("run apt-get %s: %w", args[len(args)-1], context.Cause(ctx))
		}
		if !bytes.Contains(text, []byte("Could not get lock")) || time.Now().After(deadline) {
			return fmt.Errorf("run apt-get %s: %w\n%s", strings.Join(args, " "), err, lastLines(string(text), 15))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for another apt-get: %w", context.Cause(ctx))
		case <-time.After(time.Second):
		}
	}
}

// policyFile is what Debian's invoke-rc.d asks before it starts a service:
// https://people.debian.org/~hmh/invokerc.d-policyrc.d-specification.txt.
const policyFile = "/usr/sbin/policy-rc.d"

// policyText forbids all starts (status 101) and names its maker, by which a
// file left behind by a killed run is recognised.
const policyText = "#!/bin/sh\n# Written by the gatemend lab while it installs packages.\nexit 101\n"

// holdServices forbids package scripts to start services until release is
// called. A policy that the machine already has is left as it is.
func holdServices(file string) (release func(), err error) {
	old, err := os.ReadFile(file)
	switch {
	case err == nil && string(old) != policyText:
		return func() {}, nil
	case err != nil && !os.IsNotExist(err):
		return nil, fmt.Errorf("read service policy: %w", err)
	}
	if err := os.WriteFile(file, []byte(policyText), 0o755); err != nil {
		return nil, fmt.Errorf("write service policy: %w", err)
	}
	return func() { _ = os.Remove(file) }, nil // one that stays is taken over by the next run
}

// lastLines returns the last n lines of a text.
func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
