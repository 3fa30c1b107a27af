// Package install gives the manifests that run gatemend's controller in a cluster, without Helm. They are made from
// the chart, charts/gatemend, by 'make generate': the chart is the source, and has more settings.
package install

import (
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gatemend/gatemend/config"
)

// Options say what is installed.
type Options struct {
	// Mode is observe, propose or auto.
	Mode string
	// Namespaced: only the namespace is looked at, with Roles in place of ClusterRoles.
	Namespaced bool
	// Namespace is the controller's own.
	Namespace string
	// Image is that of the controller; empty: the release's.
	Image string
	// Agent: with agents on the nodes, and the certificates by which they and the controller know each other, which are made at
	// the time Now out of what Random gives.
	Agent  bool
	Now    time.Time
	Random io.Reader
}

// Namespace is the default of [Options].
const Namespace = "gatemend"

// Modes are the values of Options.Mode.
func Modes() []string { return []string{"observe", "propose", "auto"} }

var (
	namespaceName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
	imageName     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/:@-]*$`)
	// The manifests are generated, so these lines look the same wherever they stand.
	namespaceLine = regexp.MustCompile(`(?m)^( +namespace: )gatemend$`)
	imageLine     = regexp.MustCompile(`(?m)^( +image: ).*$`)
)

// maxImageName is more than any registry takes.
const maxImageName = 512

// Manifests gives the manifests as a stream of YAML, in the order in which they are to be applied.
func Manifests(o Options) (string, error) {
	switch {
	case !slices.Contains(Modes(), o.Mode):
		return "", fmt.Errorf("%q is no mode: observe, propose or auto", o.Mode)
	case !namespaceName.MatchString(o.Namespace):
		return "", fmt.Errorf("%q is no name of a namespace", o.Namespace)
	case o.Image != "" && (len(o.Image) > maxImageName || !imageName.MatchString(o.Image)):
		return "", fmt.Errorf("%q is no name of an image", o.Image)
	}
	name, security := "install/"+o.Mode, "restricted"
	if o.Namespaced {
		name += "-namespaced"
	}
	if o.Agent {
		name += "-agent"
		security = "privileged" // agents mount a folder of the node
	}
	controller, err := fs.ReadFile(config.Files(), name+".yaml")
	if err != nil {
		return "", err
	}
	text := namespaceLine.ReplaceAllString(string(controller), "${1}"+o.Namespace)
	if o.Image != "" {
		text = imageLine.ReplaceAllLiteralString(text, "          image: "+o.Image)
	}
	var b strings.Builder
	fmt.Fprintf(&b, namespace, o.Namespace, security)
	if o.Agent {
		secrets, err := certificates(o.Namespace, o.Now, o.Random)
		if err != nil {
			return "", err
		}
		b.WriteString(secrets)
	}
	for _, pattern := range []string{"crd/*.yaml", "admission/*.yaml"} {
		names, err := fs.Glob(config.Files(), pattern)
		if err != nil {
			return "", err
		}
		for _, name := range names {
			data, err := fs.ReadFile(config.Files(), name)
			if err != nil {
				return "", err
			}
			b.WriteString("---\n" + strings.TrimPrefix(string(data), "---\n"))
		}
	}
	b.WriteString(text)
	return b.String(), nil
}

// namespace is that of the controller, whose pods pass the strictest of the Pod Security Standards; those of agents do not.
const namespace = `apiVersion: v1
kind: Namespace
metadata:
  name: %s
  labels:
    pod-security.kubernetes.io/enforce: %s
`
