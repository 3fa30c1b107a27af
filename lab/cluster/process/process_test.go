//go:build linux

package process

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// sleeper starts a process that would run for long, with extra environment.
func sleeper(t *testing.T, environment ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sleep", "60")
	cmd.Env = append(os.Environ(), environment...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return cmd
}

func TestRecordKnowsItsProcess(t *testing.T) {
	cmd := sleeper(t)
	record, err := Observe(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "sleep.json")
	if err := record.Write(path); err != nil {
		t.Fatal(err)
	}
	read, running, err := Running(path)
	if err != nil || !running || read != record {
		t.Fatalf("Running = %+v, %v, %v; want %+v, true", read, running, err, record)
	}
	cmd.Process.Kill()
	// Not waited for yet: it is a zombie, which does not run.
	if !record.gone(5 * time.Second) {
		t.Error("a killed process that nobody waited for counts as running")
	}
}

func TestRecycledIDIsNeverSignalled(t *testing.T) {
	cmd := sleeper(t)
	record, err := Observe(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	for name, other := range map[string]Record{
		"started at another time": {PID: record.PID, Start: record.Start - 1, Boot: record.Boot},
		"of another boot":         {PID: record.PID, Start: record.Start, Boot: "earlier"},
	} {
		if other.Alive() {
			t.Errorf("%s: Alive = true", name)
		}
		if err := other.Stop(0); err != nil {
			t.Errorf("%s: Stop: %v", name, err)
		}
	}
	if !record.Alive() {
		t.Fatal("the process was ended through a record of another one")
	}
	if err := record.Stop(5 * time.Second); err != nil || record.Alive() {
		t.Errorf("Stop of the right record: %v, alive %v", err, record.Alive())
	}
}

func TestReadWithoutRecord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.json")
	if _, err := Read(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Read = %v, want not-exist", err)
	}
	if _, running, err := Running(path); running || err != nil {
		t.Errorf("Running = %v, %v, want false without error", running, err)
	}
	if err := os.WriteFile(path, []byte(`{"pid": 1`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Running(path); err == nil {
		t.Error("Running accepts a damaged record")
	}
}

func TestKillAllFindsTheMarkedAndTheirChildren(t *testing.T) {
	state := filepath.Join(t.TempDir(), "lab")
	// The child says itself that it is there: while a process begins to run another program, it has no environment to be found by.
	marked := exec.Command("sh", "-c", `exec 3<&0; sh -c "echo started; read line" <&3 & wait`)
	marked.Env = append(os.Environ(), Marker+"="+state)
	if _, err := marked.StdinPipe(); err != nil { // it stays open, so that the child goes on reading
		t.Fatal(err)
	}
	pipe, err := marked.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := marked.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := pipe.Read(make([]byte, 8)); err != nil {
		t.Fatal(err)
	}
	bystander := sleeper(t, Marker+"="+state+"-other")
	bystanderRecord, err := Observe(bystander.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	find := func() ([]Record, error) { return Find(Scope{State: state}) }
	found, err := find()
	if err != nil || len(found) != 2 {
		t.Fatalf("Find = %v, %v, want the shell and its child", found, err)
	}
	if err := KillAll(find, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	if marked.Wait() == nil {
		t.Error("the marked process ended well, want killed")
	}
	if left, err := find(); err != nil || len(left) != 0 {
		t.Errorf("left after KillAll: %v, %v", left, err)
	}
	if !bystanderRecord.Alive() {
		t.Error("the process of another lab was killed")
	}
}

func TestFindLeavesOutItsOwnAncestors(t *testing.T) {
	line := ancestors(os.Getpid())
	if !line[os.Getpid()] || !line[os.Getppid()] || !line[1] {
		t.Errorf("ancestors = %v, want this process, its parent %d and 1", line, os.Getppid())
	}
}

func TestParseStat(t *testing.T) {
	tail := " S 7 3 3 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 4242 0 0"
	for name, tc := range map[string]struct {
		line string
		want stat
		ok   bool
	}{
		"plain":             {"12 (etcd)" + tail, stat{'S', 7, 4242}, true},
		"brackets in name":  {"12 (a) R 1 (b))" + tail, stat{'S', 7, 4242}, true},
		"no name":           {"12 S 7", stat{}, false},
		"cut short":         {"12 (etcd) S 7 3", stat{}, false},
		"start not decimal": {"12 (etcd) S 7 3 3 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 x 0", stat{}, false},
		"empty":             {"", stat{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseStat([]byte(tc.line))
			if (err == nil) != tc.ok || got != tc.want {
				t.Errorf("parseStat(%q) = %+v, %v, want %+v, ok %v", tc.line, got, err, tc.want, tc.ok)
			}
		})
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("12 (etcd) S 7 3 3 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 4242 0 0"))
	f.Add([]byte("12 () "))
	f.Fuzz(func(t *testing.T, line []byte) {
		got, err := parseStat(line)
		if err != nil && got != (stat{}) {
			t.Errorf("parseStat(%q) = %+v together with %v", line, got, err)
		}
	})
}
