package clone

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/rogpeppe/go-internal/diff"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/owner"
)

// Request is a commit to be made.
type Request struct {
	// Dir is the clone, or a folder in it: then only the files below are looked at.
	Dir     string
	Branch  string
	Message string
	Now     time.Time
	// Edit gives the files that are to be other ones, of those that may be manifests. Its error ends the request.
	Edit func([]owner.File) ([]owner.File, error)
}

// Bounds of what is read: manifests are small, and a repository that has more of them is not asked about one object.
const (
	mostBytes = 1 << 20
	mostFiles = 50_000
)

// Commit makes a commit on a branch of its own, on top of what is checked out. A branch of that name that has
// the same content already is left as it is; one with another content is an error.
func Commit(r Request) (model.GitChange, error) {
	repo, err := git.PlainOpenWithOptions(r.Dir, &git.PlainOpenOptions{DetectDotGit: true})
	if err != nil {
		return model.GitChange{}, fmt.Errorf("open the clone %s: %w", r.Dir, err)
	}
	prefix, err := below(repo, r.Dir)
	if err != nil {
		return model.GitChange{}, err
	}
	head, err := repo.Head()
	if err != nil {
		return model.GitChange{}, fmt.Errorf("find out what is checked out in %s: %w", r.Dir, err)
	}
	parent, err := repo.CommitObject(head.Hash())
	if err != nil {
		return model.GitChange{}, fmt.Errorf("read commit %s: %w", head.Hash(), err)
	}
	tree, err := parent.Tree()
	if err != nil {
		return model.GitChange{}, fmt.Errorf("read commit %s: %w", head.Hash(), err)
	}
	files, err := manifests(tree, prefix)
	if err != nil {
		return model.GitChange{}, err
	}
	edited, err := r.Edit(files)
	if err != nil {
		return model.GitChange{}, err
	}
	out := model.GitChange{Dir: r.Dir, Branch: r.Branch}
	changed := map[string]plumbing.Hash{}
	for _, f := range edited {
		if changed[f.Path], err = blob(repo, f.Text); err != nil {
			return model.GitChange{}, err
		}
		before := files[slices.IndexFunc(files, func(o owner.File) bool { return o.Path == f.Path })].Text
		out.Files = append(out.Files, f.Path)
		_, text, _ := strings.Cut(string(diff.Diff("a/"+f.Path, before, "b/"+f.Path, f.Text)), "\n") // the first line is for programs
		out.Diff += text
	}
	root, err := rebuilt(repo, tree, "", changed)
	if err != nil {
		return model.GitChange{}, err
	}
	out.Commit, err = branch(repo, r, parent.Hash, root)
	return out, err
}

// below is the part of a clone that a folder of it is, with a slash at the end; "" is all of it.
func below(repo *git.Repository, dir string) (string, error) {
	w, err := repo.Worktree()
	if errors.Is(err, git.ErrIsBareRepository) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("open the clone %s: %w", dir, err)
	}
	paths := [2]string{w.Filesystem.Root(), dir}
	for i, p := range paths {
		if paths[i], err = filepath.Abs(p); err != nil {
			return "", fmt.Errorf("find the folder %s: %w", dir, err)
		}
		if paths[i], err = filepath.EvalSymlinks(paths[i]); err != nil {
			return "", fmt.Errorf("find the folder %s: %w", dir, err)
		}
	}
	rel, inside := strings.CutPrefix(paths[1], paths[0]+string(filepath.Separator))
	if !inside {
		return "", nil
	}
	return filepath.ToSlash(rel) + "/", nil
}

// manifests are the files of a tree that may hold YAML.
func manifests(tree *object.Tree, prefix string) ([]owner.File, error) {
	var out []owner.File
	err := tree.Files().ForEach(func(f *object.File) error {
		ext := path.Ext(f.Name)
		if (ext != ".yaml" && ext != ".yml") || !strings.HasPrefix(f.Name, prefix) || f.Size > mostBytes || f.Mode == filemode.Symlink {
			return nil
		}
		if len(out) == mostFiles {
			return fmt.Errorf("more than %d YAML files; name the folder in which the manifest is", mostFiles)
		}
		text, err := f.Contents()
		if err != nil {
			return err
		}
		out = append(out, owner.File{Path: f.Name, Text: []byte(text)})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the files of the clone: %w", err)
	}
	return out, nil
}

// rebuilt stores a tree in which some files are other ones.
func rebuilt(repo *git.Repository, tree *object.Tree, at string, changed map[string]plumbing.Hash) (plumbing.Hash, error) {
	next := object.Tree{Entries: slices.Clone(tree.Entries)}
	for i, e := range next.Entries {
		name := at + e.Name
		if hash, ok := changed[name]; ok {
			next.Entries[i].Hash = hash
			continue
		}
		touched := false
		for file := range changed {
			touched = touched || strings.HasPrefix(file, name+"/")
		}
		if e.Mode != filemode.Dir || !touched {
			continue
		}
		sub, err := repo.TreeObject(e.Hash)
		if err != nil {
			return plumbing.ZeroHash, fmt.Errorf("read the folder %s of the clone: %w", name, err)
		}
		if next.Entries[i].Hash, err = rebuilt(repo, sub, name+"/", changed); err != nil {
			return plumbing.ZeroHash, err
		}
	}
	return encoded(repo, &next)
}

// branch stores the commit and points the branch to it.
func branch(repo *git.Repository, r Request, parent, root plumbing.Hash) (string, error) {
	name := plumbing.NewBranchReferenceName(r.Branch)
	if ref, err := repo.Reference(name, true); err == nil {
		if c, err := repo.CommitObject(ref.Hash()); err == nil && c.TreeHash == root {
			return ref.Hash().String(), nil
		}
		return "", fmt.Errorf("the clone has a branch %s already, with another content: merge or delete it", r.Branch)
	}
	who := signature(repo, r.Now)
	hash, err := encoded(repo, &object.Commit{Author: who, Committer: who, Message: r.Message, TreeHash: root, ParentHashes: []plumbing.Hash{parent}})
	if err != nil {
		return "", err
	}
	if err := repo.Storer.CheckAndSetReference(plumbing.NewHashReference(name, hash), nil); err != nil {
		return "", fmt.Errorf("make branch %s: %w", r.Branch, err)
	}
	return hash.String(), nil
}

// signature is who commits in this clone, by its configuration.
func signature(repo *git.Repository, now time.Time) object.Signature {
	s := object.Signature{Name: "gatemend", Email: "gatemend@localhost", When: now}
	if c, err := repo.ConfigScoped(config.GlobalScope); err == nil && c.User.Name != "" && c.User.Email != "" {
		s.Name, s.Email = c.User.Name, c.User.Email
	}
	return s
}

// encoder is a tree or a commit.
type encoder interface {
	Type() plumbing.ObjectType
	Encode(o plumbing.EncodedObject) error
}

func encoded(repo *git.Repository, e encoder) (plumbing.Hash, error) {
	o := repo.Storer.NewEncodedObject()
	if err := e.Encode(o); err != nil {
		return plumbing.ZeroHash, fmt.Errorf("encode a %s: %w", e.Type(), err)
	}
	hash, err := repo.Storer.SetEncodedObject(o)
	if err != nil {
		return plumbing.ZeroHash, fmt.Errorf("store a %s in the clone: %w", e.Type(), err)
	}
	return hash, nil
}

// blob stores a file's text.
func blob(repo *git.Repository, text []byte) (plumbing.Hash, error) {
	o := repo.Storer.NewEncodedObject()
	o.SetType(plumbing.BlobObject)
	w, err := o.Writer()
	if err == nil {
		_, err = w.Write(text)
		err = errors.Join(err, w.Close())
	}
	if err != nil {
		return plumbing.ZeroHash, fmt.Errorf("write a file: %w", err)
	}
	hash, err := repo.Storer.SetEncodedObject(o)
	if err != nil {
		return plumbing.ZeroHash, fmt.Errorf("store a file in the clone: %w", err)
	}
	return hash, nil
}
