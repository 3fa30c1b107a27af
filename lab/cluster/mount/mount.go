// Package mount finds and removes the mounts below a folder.
package mount

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
)

// Below lists the mount points at or under dir that this process sees, in the
// order in which they were made.
func Below(dir string) ([]string, error) {
	file, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("list mounts: %w", err)
	}
	defer file.Close()
	points, err := parse(file)
	if err != nil {
		return nil, fmt.Errorf("list mounts: %w", err)
	}
	var below []string
	for _, point := range points {
		if point == dir || strings.HasPrefix(point, dir+"/") {
			below = append(below, point)
		}
	}
	return below, nil
}

// parse reads the mount points of a mountinfo file, the fifth field of each
// line: https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html.
func parse(r io.Reader) ([]string, error) {
	// The characters that would break the columns are written in octal.
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	var points []string
	scanner := bufio.NewScanner(r)
	// Overlay options name every layer of an image: lines grow long.
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		fields := strings.Fields(scanner.Text())
		if len(fields) < 5 {
			return nil, fmt.Errorf("line %q has fewer than five fields", scanner.Text())
		}
		points = append(points, unescape.Replace(fields[4]))
	}
	return points, scanner.Err()
}
