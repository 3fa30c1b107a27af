//go:build linux

package image

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// TestLibrariesAgreesWithTheLoader compares with ldd, which asks the loader.
func TestLibrariesAgreesWithTheLoader(t *testing.T) {
	program, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("there is no bash to look at")
	}
	text, err := exec.Command("ldd", program).Output()
	if err != nil {
		t.Skip("there is no ldd to compare with")
	}
	got, err := Libraries(program)
	if err != nil {
		t.Fatal(err)
	}
	// "libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x...)", or the loader's
	// path alone.
	var want []string
	for _, match := range regexp.MustCompile(`(?m)(/\S+) \(0x`).FindAllSubmatch(text, -1) {
		want = append(want, string(match[1]))
	}
	if resolved, expected := resolve(t, got), resolve(t, want); !slices.Equal(resolved, expected) {
		t.Errorf("Libraries = %q, ldd says %q", resolved, expected)
	}
}

// resolve follows links, so that /lib and /usr/lib compare equal.
func resolve(t *testing.T, paths []string) []string {
	t.Helper()
	var list []string
	for _, path := range paths {
		real, err := filepath.EvalSymlinks(path)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, real)
	}
	slices.Sort(list)
	return list
}

func TestLibrariesOfNoProgram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got, err := Libraries(path); err == nil {
		t.Errorf("Libraries of a script = %q, want an error", got)
	}
}

func TestConfiguredFolders(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"ld.so.conf": "# first\ninclude conf.d/*.conf\n/opt/lib # last\n",
		"a.conf":     "/a/lib\n",
		"b.conf":     "include " + filepath.Join(dir, "ld.so.conf") + "\n/b/lib\n",
	} {
		if filepath.Ext(name) == ".conf" && name != "ld.so.conf" {
			name = filepath.Join("conf.d", name)
		}
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// b.conf includes its includer: that must end.
	got, err := configuredFolders(filepath.Join(dir, "ld.so.conf"), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"/a/lib", "/b/lib", "/opt/lib"} {
		if !slices.Contains(got, want) {
			t.Errorf("configuredFolders = %q, without %s", got, want)
		}
	}
	if got, err := configuredFolders(filepath.Join(dir, "none"), 0); err != nil || got != nil {
		t.Errorf("without a configuration: %q, %v", got, err)
	}
}
