// Package process remembers, finds and ends the processes of a lab.
//
// A process id alone proves nothing: the kernel gives it to another process
// later. A Record therefore also holds when the process started and in which
// boot of the machine, and nothing is signalled unless all three agree.
//
// A lab that was killed before it could write a record is found in another
// way: every process that it starts carries Marker in its environment and
// hands it down to its children. Processes in containers do not have it (the
// container runtime gives them an environment of their own), but they sit in
// network namespaces that are the lab's; see Find.
package process

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Marker is the environment variable by which a lab's processes are found;
// its value is the lab's state folder.
const Marker = "GATEMEND_LAB_STATE"

// Record identifies a process for ever.
type Record struct {
	// PID is the process id.
	PID int `json:"pid"`
	// Start is when it started, in clock ticks since boot, field 22 of
	// /proc/PID/stat.
	Start uint64 `json:"start"`
	// Boot is the boot in which it started.
	Boot string `json:"boot"`
}

// Observe makes the record of a process that runs now.
func Observe(pid int) (Record, error) {
	status, err := readStat(pid)
	if err != nil {
		return Record{}, err
	}
	boot, err := bootID()
	if err != nil {
		return Record{}, err
	}
	return Record{PID: pid, Start: status.start, Boot: boot}, nil
}

// Alive says whether the very process of the record runs. One that ended and
// waits for its parent to notice does not.
func (r Record) Alive() bool {
	status, err := readStat(r.PID)
	if err != nil || status.state == 'Z' || status.start != r.Start {
		return false
	}
	boot, err := bootID()
	return err == nil && boot == r.Boot
}

// Signal sends a signal if the process is alive. Between the look and the
// signal lie microseconds, in which an id is not given out again.
func (r Record) Signal(signal syscall.Signal) error {
	if !r.Alive() {
		return nil
	}
	if err := syscall.Kill(r.PID, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("signal process %d: %w", r.PID, err)
	}
	return nil
}

// Stop asks the process to end and, when it has not after patience, makes it.
func (r Record) Stop(patience time.Duration) error {
	if err := r.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if r.gone(patience) {
		return nil
	}
	if err := r.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	const killPatience = 5 * time.Second
	if !r.gone(killPatience) {
		return fmt.Errorf("stop process %d: it is still there %s after SIGKILL", r.PID, killPatience)
	}
	return nil
}

// gone waits until the process is no longer alive.
func (r Record) gone(patience time.Duration) bool {
	for end := time.Now().Add(patience); r.Alive(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// Write stores the record in a file that is never half written.
func (r Record) Write(path string) error {
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("write process record: %w", err)
	}
	part := path + ".part"
	if err := os.WriteFile(part, data, 0o644); err != nil {
		return fmt.Errorf("write process record: %w", err)
	}
	if err := os.Rename(part, path); err != nil {
		return fmt.Errorf("write process record: %w", err)
	}
	return nil
}

// Read loads a record. A missing file is fs.ErrNotExist.
func Read(path string) (Record, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Record{}, fmt.Errorf("read process record: %w", err)
	}
	var r Record
	if err := json.Unmarshal(data, &r); err != nil {
		return Record{}, fmt.Errorf("read process record %s: %w", filepath.Base(path), err)
	}
	return r, nil
}

// Running reads a record and says whether its process runs. No file means no.
func Running(path string) (Record, bool, error) {
	r, err := Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Record{}, false, nil
	}
	if err != nil {
		return Record{}, false, err
	}
	return r, r.Alive(), nil
}

// stat is what is read of /proc/PID/stat.
type stat struct {
	state  byte
	parent int
	start  uint64
}

// readStat reads the stat line of a process.
func readStat(pid int) (stat, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, fmt.Errorf("look at process: %w", err)
	}
	return parseStat(data)
}

// parseStat reads a stat line; see
// https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html. The program's
// name, the second field, may hold spaces and brackets: the last bracket ends
// it.
func parseStat(data []byte) (stat, error) {
	end := bytes.LastIndexByte(data, ')')
	if end < 0 {
		return stat{}, errors.New("process status has no program name")
	}
	const stateField, parentField, startField = 0, 1, 19 // counted after the name
	fields := strings.Fields(string(data[end+1:]))
	if len(fields) <= startField {
		return stat{}, fmt.Errorf("process status has %d fields after the name", len(fields))
	}
	start, err := strconv.ParseUint(fields[startField], 10, 64)
	if err != nil {
		return stat{}, fmt.Errorf("read start of process: %w", err)
	}
	parent, err := strconv.Atoi(fields[parentField])
	if err != nil {
		return stat{}, fmt.Errorf("read parent of process: %w", err)
	}
	return stat{state: fields[stateField][0], parent: parent, start: start}, nil
}

// bootID names the current boot of the machine.
func bootID() (string, error) {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("read boot id: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}
