package image

import (
	"bufio"
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxLibraries bounds the walk over what libraries need: no program of the
// lab comes near it.
const maxLibraries = 500

// Libraries lists, sorted, the shared libraries that an ELF program of the
// host loads, directly or not, and its loader. A static program has none. The
// paths are those under which the loader finds them, links not resolved.
//
// The search is the loader's (https://man7.org/linux/man-pages/man8/ld.so.8.html)
// as far as Debian's programs need it: the run path, the configured folders,
// the default folders. Libraries that a program opens by itself, by name, are
// not found this way; neither would ldd find them.
func Libraries(program string) ([]string, error) {
	folders, err := libraryFolders("/etc/ld.so.conf")
	if err != nil {
		return nil, err
	}
	found := map[string]bool{}
	loader := ""
	queue := []string{program}
	for len(queue) > 0 {
		file := queue[0]
		queue = queue[1:]
		needs, err := readNeeds(file)
		if err != nil {
			return nil, fmt.Errorf("find libraries of %s: %w", program, err)
		}
		if needs.loader != "" && !found[needs.loader] {
			loader = needs.loader
			found[loader] = true
			queue = append(queue, loader)
		}
		for _, name := range needs.libraries {
			if name == filepath.Base(loader) {
				continue // loaded already: it is at work
			}
			path, err := lookLibrary(name, needs.machine, slices.Concat(needs.runPath, folders))
			if err != nil {
				return nil, fmt.Errorf("find libraries of %s, for %s: %w", program, file, err)
			}
			if !found[path] {
				found[path] = true
				queue = append(queue, path)
			}
		}
		if len(found) > maxLibraries {
			return nil, fmt.Errorf("find libraries of %s: more than %d", program, maxLibraries)
		}
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// needs is what one ELF file asks of the loader.
type needs struct {
	machine   elf.Machine
	loader    string
	libraries []string
	runPath   []string
}

// readNeeds reads a file's dynamic section.
func readNeeds(path string) (needs, error) {
	file, err := elf.Open(path)
	if err != nil {
		return needs{}, fmt.Errorf("read %s: %w", path, err)
	}
	defer file.Close()
	n := needs{machine: file.Machine}
	for _, program := range file.Progs {
		if program.Type != elf.PT_INTERP {
			continue
		}
		data := make([]byte, program.Filesz)
		if _, err := program.ReadAt(data, 0); err != nil {
			return needs{}, fmt.Errorf("read loader of %s: %w", path, err)
		}
		n.loader = string(bytes.TrimRight(data, "\x00"))
	}
	if n.libraries, err = file.ImportedLibraries(); err != nil {
		return needs{}, fmt.Errorf("read libraries of %s: %w", path, err)
	}
	for _, tag := range []elf.DynTag{elf.DT_RPATH, elf.DT_RUNPATH} {
		// A file without a dynamic section has no run path either.
		values, _ := file.DynString(tag)
		for _, value := range values {
			for _, dir := range filepath.SplitList(value) {
				n.runPath = append(n.runPath, strings.NewReplacer("$ORIGIN", filepath.Dir(path), "${ORIGIN}", filepath.Dir(path)).Replace(dir))
			}
		}
	}
	return n, nil
}

// lookLibrary finds a library of the right machine in the folders.
func lookLibrary(name string, machine elf.Machine, folders []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, dir := range folders {
		path := filepath.Join(dir, name)
		file, err := elf.Open(path)
		if err != nil {
			continue
		}
		same := file.Machine == machine
		file.Close()
		if same {
			return path, nil
		}
	}
	return "", fmt.Errorf("library %s is in none of %v", name, folders)
}

// libraryFolders lists the folders of a loader configuration and those that
// the loader searches anyway.
func libraryFolders(config string) ([]string, error) {
	folders, err := configuredFolders(config, 0)
	if err != nil {
		return nil, err
	}
	return append(folders, "/lib64", "/usr/lib64", "/lib", "/usr/lib"), nil
}

// configuredFolders reads ld.so.conf and what it includes.
func configuredFolders(config string, depth int) ([]string, error) {
	const deepest = 8 // an include loop ends here
	data, err := os.ReadFile(config)
	if errors.Is(err, os.ErrNotExist) || depth > deepest {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read loader configuration: %w", err)
	}
	var folders []string
	for scanner := bufio.NewScanner(bytes.NewReader(data)); scanner.Scan(); {
		line, _, _ := strings.Cut(scanner.Text(), "#")
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0:
		case fields[0] == "include" && len(fields) == 2:
			more, err := includedFolders(config, fields[1], depth)
			if err != nil {
				return nil, err
			}
			folders = append(folders, more...)
		case strings.HasPrefix(fields[0], "/"):
			folders = append(folders, fields[0])
		}
	}
	return folders, nil
}

// includedFolders reads the files that a configuration includes; the pattern is relative to its folder.
func includedFolders(config, pattern string, depth int) ([]string, error) {
	if !filepath.IsAbs(pattern) {
		pattern = filepath.Join(filepath.Dir(config), pattern)
	}
	files, err := filepath.Glob(pattern)
	if err != nil {
		return nil, fmt.Errorf("read loader configuration %s: %w", config, err)
	}
	var folders []string
	for _, file := range files {
		more, err := configuredFolders(file, depth+1)
		if err != nil {
			return nil, err
		}
		folders = append(folders, more...)
	}
	return folders, nil
}
