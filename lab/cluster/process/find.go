package process

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Scope says which processes belong to a lab.
type Scope struct {
	// State is the lab's state folder, the value of Marker.
	State string
	// Namespaces are the ids of the lab's network namespaces.
	Namespaces []uint64
}

// Find lists the live processes of a scope: those that carry its marker and
// those in one of its namespaces. The caller and its ancestors are left out,
// so that a command run inside a lab can take the lab down.
func Find(scope Scope) ([]Record, error) {
	boot, err := bootID()
	if err != nil {
		return nil, err
	}
	own := ancestors(os.Getpid())
	dirs, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	marker := []byte(Marker + "=" + scope.State)
	var found []Record
	for _, dir := range dirs {
		pid, err := strconv.Atoi(dir.Name())
		if err != nil || own[pid] || !scope.holds(pid, marker) {
			continue
		}
		// It may have ended meanwhile.
		status, err := readStat(pid)
		if err != nil || status.state == 'Z' {
			continue
		}
		found = append(found, Record{PID: pid, Start: status.start, Boot: boot})
	}
	return found, nil
}

// holds says whether a process belongs to the scope. One that cannot be read
// has ended, or is the kernel's.
func (s Scope) holds(pid int, marker []byte) bool {
	if link, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid)); err == nil {
		number := strings.TrimSuffix(strings.TrimPrefix(link, "net:["), "]")
		if id, err := strconv.ParseUint(number, 10, 64); err == nil && slices.Contains(s.Namespaces, id) {
			return true
		}
	}
	environment, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		return false
	}
	return slices.ContainsFunc(bytes.Split(environment, []byte{0}), func(variable []byte) bool {
		return bytes.Equal(variable, marker)
	})
}

// ancestors returns a process and those above it.
func ancestors(pid int) map[int]bool {
	line := map[int]bool{}
	for pid > 0 && !line[pid] {
		line[pid] = true
		status, err := readStat(pid)
		if err != nil {
			break
		}
		pid = status.parent
	}
	return line
}

// KillAll ends every process that find lists, again and again until it lists
// none: a supervisor that dies last may have started another child. The error
// names what is left after patience.
func KillAll(find func() ([]Record, error), patience time.Duration) error {
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		left, err := find()
		if err != nil || len(left) == 0 {
			return err
		}
		if time.Now().After(end) {
			pids := make([]int, len(left))
			for i, r := range left {
				pids[i] = r.PID
			}
			return fmt.Errorf("end processes %v: they are still there after %s", pids, patience)
		}
		for _, r := range left {
			if err := r.Signal(syscall.SIGKILL); err != nil {
				return err
			}
		}
	}
}
