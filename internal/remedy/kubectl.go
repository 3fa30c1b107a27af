package remedy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Kubectl is the command that makes changes by hand, one after the other as long as each is taken.
func Kubectl(changes []model.Change) string {
	commands := make([]string, len(changes))
	for i, c := range changes {
		switch c.Op {
		case model.OpCreate:
			commands[i] = kubectlCreate(c)
		case model.OpEvict:
			commands[i] = kubectlEvict(c)
		case model.OpPatch, model.OpDelete: // a remedy deletes nothing
			commands[i] = kubectlPatch(c)
		}
	}
	return strings.Join(commands, " && ")
}

// kubectlPatch is the command that makes a patch by hand. It may be used long after it was printed, so that it tests what it
// replaces, as [snapshot.JSONPatch] does. It does not test the resource version, which the status of what is failing moves all the time.
func kubectlPatch(c model.Change) string {
	type op struct {
		Op    string          `json:"op"`
		Path  string          `json:"path"`
		Value json.RawMessage `json:"value,omitempty"`
	}
	ops := []op{}
	for _, f := range c.Fields {
		switch {
		case f.Old == nil && testsAbsence(c, f):
			ops = append(ops, op{"test", f.Path, json.RawMessage("null")}, op{"add", f.Path, f.New})
		case f.Old == nil:
			ops = append(ops, op{"add", f.Path, f.New})
		case f.New == nil:
			ops = append(ops, op{"test", f.Path, f.Old}, op{Op: "remove", Path: f.Path})
		default:
			ops = append(ops, op{"test", f.Path, f.Old}, op{"replace", f.Path, f.New})
		}
	}
	data, through := encode(ops), ""
	if c.Subresource != "" {
		through = " --subresource=" + c.Subresource
	}
	return fmt.Sprintf("kubectl patch %s%s%s --type=json -p=%s", model.ShellWord(c.Target.Resource()), namespaceFlag(c.Target), through, quote(string(data)))
}

// byHand are changes in the form in which a person makes them, maybe long after: what is added at the end of a list is put into the
// whole of it, which can be tested. The API server takes a test of an index that is not there for an error (gopkg.in/evanphx/json-patch.v4,
// partialArray.get), and adds before what somebody else has added meanwhile.
func byHand(s *snapshot.Snapshot, changes []model.Change) []model.Change {
	changes = slices.Clone(changes)
	for i, c := range changes {
		_, t, there := object(s, c.Target)
		if c.Op != model.OpPatch || c.ResourceVersion == "" || !there {
			continue
		}
		fields := slices.Clone(c.Fields)
		for j, f := range fields {
			steps := model.PointerSteps(f.Path)
			at := steps[:max(0, len(steps)-1)]
			have, _ := lookup(t, at)
			list, isList := have.([]any)
			value, err := decode(f.New)
			if isList && f.Old == nil && err == nil && steps[len(at)] == strconv.Itoa(len(list)) {
				fields[j] = model.FieldChange{Path: pointer(at), Old: encode(list), New: encode(append(slices.Clip(list), value))}
			}
		}
		changes[i].Fields = fields
	}
	return changes
}

// testsAbsence reports whether a patch can test that a field is absent before it is added, which would replace what is there (RFC 6902,
// section 4.1). To the API server's library (gopkg.in/evanphx/json-patch.v4, Patch.test) a member that is absent equals null.
// An element that is added to a list replaces nothing. A field that a file leaves out may have its default in the cluster, and only an
// object that was read there has a resource version.
func testsAbsence(c model.Change, f model.FieldChange) bool {
	_, err := strconv.ParseUint(f.Path[strings.LastIndexByte(f.Path, '/')+1:], 10, 0)
	return c.ResourceVersion != "" && err != nil && !strings.HasSuffix(f.Path, "/-")
}

// kubectlCreate is the command that creates an object by hand.
func kubectlCreate(c model.Change) string {
	return fmt.Sprintf("echo %s | kubectl create -f -", quote(string(c.Object)))
}

// kubectlEvict is the command that evicts a pod by hand. Deleting it instead would not ask its
// PodDisruptionBudget.
func kubectlEvict(c model.Change) string {
	body := fmt.Sprintf(`{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":%q,"namespace":%q}}`,
		c.Target.Name, c.Target.Namespace)
	return fmt.Sprintf("echo %s | kubectl create --raw /api/v1/namespaces/%s/pods/%s/eviction -f -",
		quote(body), model.ShellWord(c.Target.Namespace), model.ShellWord(c.Target.Name))
}

func namespaceFlag(r model.Ref) string {
	if r.Namespace == "" {
		return ""
	}
	return " -n " + model.ShellWord(r.Namespace)
}

// quote makes one word of s for a POSIX shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
