package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/owner"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// SourceCommit is a commit to be made in a local clone of an owner's source, on a branch of its own.
type SourceCommit struct {
	Dir     string
	Branch  string
	Message string
	Now     time.Time
	// Edit gives the files that are to be other ones, of those that may be manifests.
	Edit func([]owner.File) ([]owner.File, error)
}

// commitSource puts what a plan proposes to owners into the clone of --git-dir. That it cannot be put there is
// said in the plan; an error is that the clone cannot be read or written.
func (o *fixOptions) commitSource(p *model.Plan, s *snapshot.Snapshot) error {
	if o.gitDir == "" || len(p.Proposals) == 0 {
		return nil
	}
	change, err := o.env.CommitSource(SourceCommit{
		Dir: o.gitDir, Branch: branchName(*p), Message: commitMessage(*p), Now: o.env.Now(),
		Edit: func(files []owner.File) ([]owner.File, error) { return editAll(files, *p, s) },
	})
	if errors.Is(err, owner.ErrNotInSource) {
		change, err = model.GitChange{Dir: o.gitDir, Because: err.Error()}, nil
	}
	p.Proposals[0].Git = &change
	return err
}

// editAll makes all changes of a plan, one after the other: two of them may be in one file.
func editAll(files []owner.File, p model.Plan, s *snapshot.Snapshot) ([]owner.File, error) {
	files = slices.Clone(files)
	edited := map[string]bool{}
	for _, q := range p.Proposals {
		for _, c := range p.Remedy.Changes {
			if c.Target != q.Owner.Object || q.StrategicMerge == "" {
				continue
			}
			file, err := editOne(files, q.Owner, c, s)
			if err != nil {
				return nil, err
			}
			edited[file.Path] = true
			files[slices.IndexFunc(files, func(f owner.File) bool { return f.Path == file.Path })] = file
		}
	}
	if len(edited) == 0 {
		return nil, fmt.Errorf("%w: the plan has no change that is made in a manifest", owner.ErrNotInSource)
	}
	return slices.DeleteFunc(files, func(f owner.File) bool { return !edited[f.Path] }), nil
}

func editOne(files []owner.File, by model.Owner, c model.Change, s *snapshot.Snapshot) (owner.File, error) {
	o, presence := s.Lookup(c.Target)
	if presence != snapshot.Present {
		return owner.File{}, fmt.Errorf("%w: %s is gone", owner.ErrNotInSource, c.Target)
	}
	live, err := snapshot.JSONOf(o)
	if err != nil {
		return owner.File{}, err
	}
	return owner.EditSource(files, by, live, c)
}

// branchName is the same for the same repair, so that asking twice makes one branch.
func branchName(p model.Plan) string {
	t := p.Remedy.Change.Target
	return strings.ToLower(fmt.Sprintf("gatemend/%s-%s-%s-%s", p.Finding.ID, t.Kind, t.Namespace, t.Name))
}

func commitMessage(p model.Plan) string {
	return fmt.Sprintf("%s\n\n%s\n\nCause: %s at %s\nPredicted afterwards: %s\nProposed by gatemend.\n",
		p.Remedy.Summary, p.Finding.Summary, p.Finding.ID, p.Finding.Object, p.Remedy.Predicts)
}

// gitText tells people of a commit, or why there is none.
func gitText(g *model.GitChange) string {
	if g.Because != "" {
		return "nothing was committed to " + g.Dir + ": " + g.Because
	}
	return fmt.Sprintf("committed to branch %s in %s: %s; push it with: git -C %s push origin %s",
		g.Branch, g.Dir, strings.Join(g.Files, ", "), model.ShellWord(g.Dir), model.ShellWord(g.Branch))
}
