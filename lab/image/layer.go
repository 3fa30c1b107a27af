package image

import (
	"archive/tar"
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// entry is a file or folder of the layer, in the order of the archive.
type entry struct {
	name   string // without the leading slash; folders end in one
	file   File
	folder bool
	mode   fs.FileMode
}

// entries lists what the layer holds, sorted by name, so that a folder stands
// before what is in it.
func (s Spec) entries() []entry {
	byName := map[string]entry{}
	var addFolders func(dir string)
	addFolders = func(dir string) {
		if dir == "/" || dir == "." {
			return
		}
		addFolders(path.Dir(dir))
		name := strings.TrimPrefix(dir, "/") + "/"
		if _, ok := byName[name]; !ok {
			byName[name] = entry{name: name, folder: true, mode: 0o755}
		}
	}
	for _, file := range s.Files {
		addFolders(path.Dir(file.Path))
		name := strings.TrimPrefix(file.Path, "/")
		byName[name] = entry{name: name, file: file, mode: file.mode()}
	}
	for _, folder := range s.Folders {
		addFolders(folder)
		name := strings.TrimPrefix(folder, "/") + "/"
		byName[name] = entry{name: name, folder: true, mode: 0o777}
	}
	list := make([]entry, 0, len(byName))
	for _, e := range byName {
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
	return list
}

// mode is the file's permission bits.
func (f File) mode() fs.FileMode {
	switch {
	case f.Mode != 0:
		return f.Mode
	case f.Source != "":
		return 0o755
	default:
		return 0o644
	}
}

// writeLayer writes the layer's archive. All entries belong to root and have
// no time, so that equal content is equal bytes.
func writeLayer(w io.Writer, s Spec) error {
	out := tar.NewWriter(w)
	for _, e := range s.entries() {
		if err := e.write(out); err != nil {
			return fmt.Errorf("add /%s to image %s: %w", e.name, s.Ref, err)
		}
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("close layer of image %s: %w", s.Ref, err)
	}
	return nil
}

// write adds the entry to an archive. A link on the host is followed: what a
// library is called is kept, where it lies is not.
func (e entry) write(out *tar.Writer) error {
	header := &tar.Header{Name: e.name, Mode: int64(e.mode), Format: tar.FormatPAX}
	switch {
	case e.folder:
		header.Typeflag = tar.TypeDir
		return out.WriteHeader(header)
	case e.file.Source == "":
		header.Typeflag, header.Size = tar.TypeReg, int64(len(e.file.Content))
		if err := out.WriteHeader(header); err != nil {
			return err
		}
		_, err := io.WriteString(out, e.file.Content)
		return err
	}
	in, err := os.Open(e.file.Source)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	header.Typeflag, header.Size = tar.TypeReg, info.Size()
	if err := out.WriteHeader(header); err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return err
}
