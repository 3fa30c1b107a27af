// Package image writes container images without a registry and without a
// container tool: a program, or a program with the libraries it needs, in one
// layer, as an OCI archive that `ctr images import` reads.
//
// The same files give the same bytes: names are sorted, times and owners are
// fixed. An image's digest therefore tells whether a node already has it.
package image

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Repository is the prefix of the names of the lab's own images. No registry
// serves it: pods use them with imagePullPolicy Never.
const Repository = "gatemend.lab/"

// Ref is the full name of one of the lab's images, such as shop or pause, as
// a pod's spec has it.
func Ref(name string) string { return Repository + name + ":v1" }

// File is one file of an image. Either Source or Content gives its bytes.
type File struct {
	// Path is absolute, in the image.
	Path string
	// Source is a file of the host.
	Source string
	// Content is the file's text if Source is empty.
	Content string
	// Mode holds the permission bits; 0 means 0755 with Source, else 0644.
	Mode fs.FileMode
}

// Spec describes an image.
type Spec struct {
	// Ref is the full name with a tag; see Ref, the function.
	Ref string
	// Files are the content. Folders above them are made as needed.
	Files []File
	// Folders are further empty folders, absolute; they are writable by all,
	// since nothing but temporary files goes there.
	Folders []string
	// Entrypoint is the program with its first arguments.
	Entrypoint []string
	// Env holds further variables as NAME=value; PATH is always set.
	Env []string
}

// Static is an image of one static program and nothing else.
func Static(ref, program string) Spec {
	inside := "/" + path.Base(program)
	return Spec{
		Ref:        ref,
		Files:      append(accounts(), File{Path: inside, Source: program}),
		Folders:    []string{"/tmp"},
		Entrypoint: []string{inside},
	}
}

// WithLibraries adds the shared libraries, and the loader, of every program of
// the host that is in the image.
func (s Spec) WithLibraries() (Spec, error) {
	files := slices.Clone(s.Files)
	for _, file := range s.Files {
		if file.Source == "" {
			continue
		}
		libraries, err := Libraries(file.Source)
		if err != nil {
			return Spec{}, err
		}
		for _, library := range libraries {
			files = append(files, File{Path: library, Source: library})
		}
	}
	// Two programs share most of their libraries.
	slices.SortStableFunc(files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	s.Files = slices.CompactFunc(files, func(a, b File) bool { return a.Path == b.Path })
	return s, nil
}

// accounts are the users and groups that every image knows: programs that
// drop their rights look for names even when told to stay root.
func accounts() []File {
	return []File{
		{Path: "/etc/passwd", Content: "root:x:0:0:root:/:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n"},
		{Path: "/etc/group", Content: "root:x:0:\nnogroup:x:65534:\n"},
		// Without it the names in a pod's /etc/hosts are not looked at.
		{Path: "/etc/nsswitch.conf", Content: "passwd: files\ngroup: files\nhosts: files dns\n"},
	}
}

// check refuses a spec that no archive can be made of.
func (s Spec) check() error {
	if s.Ref == "" || len(s.Entrypoint) == 0 {
		return fmt.Errorf("image %q: it needs a name and an entry point", s.Ref)
	}
	for _, file := range s.Files {
		if !strings.HasPrefix(file.Path, "/") || path.Clean(file.Path) != file.Path {
			return fmt.Errorf("image %s: path %q is not clean and absolute", s.Ref, file.Path)
		}
	}
	return nil
}
