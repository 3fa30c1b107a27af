package app

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/gatemend/gatemend/internal/cli"
	"github.com/gatemend/gatemend/internal/proxy/all"
	"github.com/gatemend/gatemend/internal/source/dump"
	"github.com/gatemend/gatemend/internal/source/kube"
)

// errNoKubeconfig says that nothing tells where a cluster is. The client library would try
// localhost:8080 then, whose refusal explains nothing.
var errNoKubeconfig = errors.New("there is no kubeconfig, so there is no cluster to look at")

const hintNoKubeconfig = "give one with --kubeconfig FILE or KUBECONFIG, or look at files with --from DUMP"

// connect makes the clients for kubectl's flags.
func connect(flags genericclioptions.RESTClientGetter, formats all.Formats, now func() time.Time) (*cluster, error) {
	config, err := restConfig(flags)
	if err != nil {
		return nil, err
	}
	config = kube.Paced(config)
	clients, err := kube.Connect(config)
	if err != nil {
		return nil, err
	}
	return &cluster{config: config, clients: clients, now: now, formats: formats}, nil
}

func restConfig(flags genericclioptions.RESTClientGetter) (*rest.Config, error) {
	loader := flags.ToRawKubeConfigLoader()
	raw, err := loader.RawConfig()
	if err != nil {
		return nil, &cli.HintedError{Err: fmt.Errorf("read kubeconfig: %w", err), Hint: hintNoKubeconfig}
	}
	if f, ok := flags.(*genericclioptions.ConfigFlags); ok {
		if name := *f.Context; name != "" && raw.Contexts[name] == nil {
			var known []string
			for n := range raw.Contexts {
				known = append(known, n)
			}
			return nil, cli.NoSuchContext(name, known)
		}
		if len(raw.Clusters) == 0 && *f.APIServer == "" {
			if config, err := rest.InClusterConfig(); err == nil {
				return config, nil
			}
			return nil, &cli.HintedError{Err: errNoKubeconfig, Hint: hintNoKubeconfig}
		}
	}
	config, err := flags.ToRESTConfig()
	if err != nil {
		if clientcmd.IsEmptyConfig(err) {
			err = errNoKubeconfig
		}
		return nil, &cli.HintedError{Err: fmt.Errorf("read kubeconfig: %w", err), Hint: hintNoKubeconfig}
	}
	return config, nil
}

// hinted adds to an error what a person can do about it.
func hinted(err error) error {
	if access, ok := errors.AsType[*kube.AccessError](err); ok {
		return &cli.HintedError{Err: err, Hint: access.Hint()}
	}
	switch {
	case errors.Is(err, dump.ErrNoObjects):
		return &cli.HintedError{Err: err, Hint: "a dump is what 'gatemend dump DIR' or 'kubectl get ... -o yaml' writes"}
	case errors.Is(err, fs.ErrNotExist):
		return &cli.HintedError{Err: err, Hint: "check the path; 'gatemend dump DIR' makes a dump of a cluster"}
	default:
		return err
	}
}

// oneLine keeps an error of a server on one line.
func oneLine(err error) string { return brief(err.Error()) }

// brief keeps words about a request on one line and leaves out its URL: what it was for is said
// beside it, and a URL fills lines with what nobody can act on.
func brief(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	before, rest, requested := strings.Cut(text, `Get "`)
	if _, why, ended := strings.Cut(rest, `": `); requested && ended {
		return before + why
	}
	return text
}
