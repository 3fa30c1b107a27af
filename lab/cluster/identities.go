package cluster

import (
	"fmt"
	"os"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// admin is the holder of the kubeconfig with all rights.
const admin = "admin"

// controlPlaneIdentities are those that a cluster has once. The names and
// groups are the ones that Kubernetes' default roles are bound to:
// https://kubernetes.io/docs/reference/access-authn-authz/rbac/#core-component-roles.
func controlPlaneIdentities(l layout) []identity {
	return []identity{
		{
			file: "apiserver", user: "kube-apiserver",
			addresses: []string{l.node(1).IP, apiServiceIP, "127.0.0.1"},
			names:     []string{"kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost"},
		},
		{file: "apiserver-kubelet", user: "kube-apiserver-kubelet-client", groups: []string{"system:masters"}},
		{file: admin, user: "lab-admin", groups: []string{"system:masters"}},
		{file: "kube-controller-manager", user: "system:kube-controller-manager"},
		{file: "kube-scheduler", user: "system:kube-scheduler"},
		{file: "kube-proxy", user: "system:kube-proxy"},
	}
}

// nodeIdentity is a kubelet's, as a client and as a server.
func nodeIdentity(n Node) identity {
	return identity{
		file: n.component("kubelet"), user: "system:node:" + n.Name, groups: []string{"system:nodes"},
		addresses: []string{n.IP}, names: []string{n.Name},
	}
}

// writeIdentities makes what is missing of keys, certificates and kubeconfigs.
func writeIdentities(l layout, nodes []Node, now time.Time) error {
	a, err := openAuthority(l, now)
	if err != nil {
		return err
	}
	if err := serviceAccountKeys(l); err != nil {
		return err
	}
	identities := controlPlaneIdentities(l)
	for _, node := range nodes {
		identities = append(identities, nodeIdentity(node))
	}
	for _, id := range identities {
		if err := a.issue(id); err != nil {
			return err
		}
		if err := writeKubeconfig(l, id.file); err != nil {
			return err
		}
	}
	return nil
}

// writeKubeconfig writes the kubeconfig of an identity unless it is there.
// Everything is inside the file, so that it may be copied.
func writeKubeconfig(l layout, holder string) error {
	path := l.kubeconfig(holder)
	if present(path) {
		return nil
	}
	var data [3][]byte
	for i, file := range []string{"ca.crt", holder + ".crt", holder + ".key"} {
		content, err := os.ReadFile(l.pki(file))
		if err != nil {
			return fmt.Errorf("make kubeconfig of %s: %w", holder, err)
		}
		data[i] = content
	}
	config := clientcmdapi.NewConfig()
	config.Clusters[l.name] = &clientcmdapi.Cluster{Server: l.apiURL(), CertificateAuthorityData: data[0]}
	config.AuthInfos[holder] = &clientcmdapi.AuthInfo{ClientCertificateData: data[1], ClientKeyData: data[2]}
	config.Contexts[l.name] = &clientcmdapi.Context{Cluster: l.name, AuthInfo: holder}
	config.CurrentContext = l.name
	text, err := clientcmd.Write(*config)
	if err != nil {
		return fmt.Errorf("make kubeconfig of %s: %w", holder, err)
	}
	return writeFile(path, text, 0o600)
}
