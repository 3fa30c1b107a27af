package cluster

import (
	"bytes"
	"embed"
	"fmt"
	"text/template"

	"github.com/gatemend/gatemend/lab/image"
)

//go:embed config
var configs embed.FS

// render fills in one of the templates in the folder config.
func render(name string, values any) ([]byte, error) {
	parsed, err := template.New(name).Option("missingkey=error").ParseFS(configs, "config/"+name)
	if err != nil {
		return nil, fmt.Errorf("read template %s: %w", name, err)
	}
	var text bytes.Buffer
	if err := parsed.Execute(&text, values); err != nil {
		return nil, fmt.Errorf("render %s: %w", name, err)
	}
	return text.Bytes(), nil
}

// nodeValues is what the templates of a node may refer to.
type nodeValues struct {
	Node       Node
	PauseImage string
	CNIBinDir  string
	CNINetwork string
	ClientCA   string
	Cert, Key  string
	LogSize    string
}

// nodeFiles renders the configuration of one node, by path.
func nodeFiles(l layout, n Node, logSize string) (map[string][]byte, error) {
	values := nodeValues{
		Node:       n,
		PauseImage: image.Ref(pauseImage),
		CNIBinDir:  "/usr/lib/cni",
		CNINetwork: l.cniNetwork(),
		ClientCA:   l.pki("ca.crt"),
		Cert:       l.pki(n.component("kubelet") + ".crt"),
		Key:        l.pki(n.component("kubelet") + ".key"),
		LogSize:    logSize,
	}
	files := map[string][]byte{}
	for name, path := range map[string]string{
		"containerd.toml": n.path("containerd.toml"),
		"kubelet.yaml":    n.path("kubelet.yaml"),
		"cni.conflist":    n.path("cni", "conf", "10-lab.conflist"),
	} {
		text, err := render(name, values)
		if err != nil {
			return nil, err
		}
		files[path] = text
	}
	return files, nil
}
