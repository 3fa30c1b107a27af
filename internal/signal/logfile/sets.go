package logfile

import (
	"cmp"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
)

// Find returns the logs below a folder, rotated and compressed ones too, in the order of their names. Of a file that is there
// both ways, as while it is being compressed, it returns the one that is whole for sure.
func Find(fsys fs.FS, root string) ([]string, error) {
	var names []string
	err := fs.WalkDir(fsys, root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if base, _, _ := rotation(name); !d.IsDir() && isLog(base) {
			names = append(names, name)
		}
		return nil
	})
	if err == nil && len(names) == 0 {
		err = ErrNoLogs
	}
	there := map[string]bool{}
	for _, name := range names {
		there[name] = true
	}
	return slices.DeleteFunc(names, func(name string) bool {
		plain := uncompressed(name)
		return plain != name && there[plain]
	}), err
}

// rotated matches how files are named when they are rotated: a number that grows with age (logrotate, "access.log.2"), or a
// time (logrotate's dateext, "access.log-20260314"; the kubelet, "0.log.20260314-092600").
var rotated = regexp.MustCompile(`^(.*)(?:\.(\d{1,5})|[.-](\d{8}(?:-?\d{6}|-\d{2,10})?))$`)

// rotation takes a name apart: the log that it belongs to, and its age or time.
func rotation(name string) (base string, age int, time string) {
	name = uncompressed(name)
	m := rotated.FindStringSubmatch(name)
	if m == nil || !isLog(m[1]) {
		return name, 0, ""
	}
	age, _ = strconv.Atoi(m[2])
	return m[1], age, m[3]
}

// Sets puts files of the same log together, the oldest first, and leaves the logs in the order in which they are
// first named.
func Sets(names []string) [][]string {
	var order []string
	sets := map[string][]string{}
	for _, name := range names {
		base, _, _ := rotation(name)
		if sets[base] == nil {
			order = append(order, base)
		}
		sets[base] = append(sets[base], name)
	}
	all := make([][]string, 0, len(order))
	for _, base := range order {
		set := sets[base]
		slices.SortStableFunc(set, func(a, b string) int {
			_, ageA, timeA := rotation(a)
			_, ageB, timeB := rotation(b)
			if (timeA == "") != (timeB == "") { // what has a time is done, what has none is being written
				return cmp.Compare(timeB, timeA)
			}
			return cmp.Or(cmp.Compare(ageB, ageA), cmp.Compare(timeA, timeB))
		})
		all = append(all, set)
	}
	return all
}
