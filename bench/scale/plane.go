package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

//go:embed stages.yaml
var stages []byte

// auditPolicy records what gatemend asks the API server, and nothing else.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: Metadata, users: [` + actor + `]}
- {level: None}
`

// actor is the user as whom gatemend acts.
const actor = "gatemend"

// plane is a control plane without kubelets.
type plane struct {
	bench *bench
	env   *envtest.Environment
	// admin goes through protobuf for what is built in, and without a limit of its own.
	admin  *rest.Config
	kube   kubernetes.Interface
	client client.Client
	procs  []*process
	apps   []app
}

// startPlane starts etcd and the API server.
func startPlane(ctx context.Context, b *bench) (*plane, error) {
	p := &plane{bench: b, env: &envtest.Environment{ControlPlaneStartTimeout: 2 * time.Minute, ControlPlaneStopTimeout: 20 * time.Second}}
	policy := filepath.Join(b.dir, "audit.yaml")
	if err := os.RemoveAll(p.auditLog()); err != nil { // of an earlier run in the same folder
		return nil, fmt.Errorf("remove an audit log: %w", err)
	}
	if err := errors.Join(os.WriteFile(policy, []byte(auditPolicy), 0o600), os.WriteFile(filepath.Join(b.dir, "stages.yaml"), stages, 0o600)); err != nil {
		return nil, fmt.Errorf("write configuration: %w", err)
	}
	p.env.ControlPlane.Etcd = &envtest.Etcd{Path: b.programs["etcd"]}
	log, err := os.Create(filepath.Join(b.dir, "etcd.log"))
	if err != nil {
		return nil, fmt.Errorf("start etcd: %w", err)
	}
	defer log.Close()
	p.env.ControlPlane.Etcd.Out, p.env.ControlPlane.Etcd.Err = log, log
	p.env.ControlPlane.Etcd.Configure().Set("quota-backend-bytes", "8589934592")
	server := p.env.ControlPlane.GetAPIServer()
	server.Path = b.programs["kube-apiserver"]
	server.Configure().Set("audit-policy-file", policy).Set("audit-log-path", p.auditLog()).
		// Fairness would have what fills the cluster wait, not what is measured.
		Set("service-cluster-ip-range", "172.20.0.0/16").Set("enable-priority-and-fairness", "false").Set("max-requests-inflight", "0").Set("max-mutating-requests-inflight", "0")
	admin, err := p.env.Start()
	if err != nil {
		return nil, fmt.Errorf("start the control plane: %w", err)
	}
	if err := p.equip(ctx, admin); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

func (p *plane) auditLog() string { return filepath.Join(p.bench.dir, "audit.log") }

// equip makes clients and defines resources.
func (p *plane) equip(ctx context.Context, admin *rest.Config) error {
	admin.QPS = -1
	p.admin = admin
	typed := rest.CopyConfig(admin)
	typed.ContentType = "application/vnd.kubernetes.protobuf"
	var err error
	if p.kube, err = kubernetes.NewForConfig(typed); err != nil {
		return fmt.Errorf("make a client: %w", err)
	}
	gatewayAPI, err := moduleDir(ctx, "sigs.k8s.io/gateway-api")
	if err != nil {
		return err
	}
	own, err := moduleDir(ctx, "github.com/gatemend/gatemend")
	if err != nil {
		return err
	}
	_, err = envtest.InstallCRDs(admin, envtest.CRDInstallOptions{ErrorIfPathMissing: true, Paths: []string{
		filepath.Join(gatewayAPI, "config", "crd", "standard"), filepath.Join(own, "config", "crd"),
	}})
	if err != nil {
		return fmt.Errorf("define resources: %w", err)
	}
	if p.client, err = client.New(admin, client.Options{Scheme: scheme()}); err != nil {
		return fmt.Errorf("make a client: %w", err)
	}
	return nil
}

// startControllers starts the endpoint controller and kwok. The cluster is full by then: an endpoint controller that meets a
// pod whose node it has not seen yet leaves the pod out, and tries again ever more rarely
// (k8s.io/endpointslice, reconciler.go; kube-controller-manager, endpointslice_controller.go).
func (p *plane) startControllers(ctx context.Context) error {
	port, err := freePort(ctx)
	if err != nil {
		return err
	}
	_, securePort, _ := strings.Cut(port, ":")
	for _, s := range []struct {
		name string
		args []string
	}{
		{"kube-controller-manager", []string{
			"--controllers=endpointslice-controller", "--leader-elect=false", "--bind-address=127.0.0.1", "--secure-port=" + securePort,
			"--kube-api-qps=2000", "--kube-api-burst=4000", "--concurrent-service-endpoint-syncs=10", "--endpointslice-updates-batch-period=1s",
		}},
		{"kwok", []string{"--config=" + filepath.Join(p.bench.dir, "stages.yaml"), "--manage-all-nodes", "--cidr=10.0.0.0/8", "--node-lease-duration-seconds=0"}},
	} {
		config, err := p.user(s.name)
		if err != nil {
			return err
		}
		proc, err := p.start(ctx, s.name, p.bench.programs[s.name], append(s.args, "--kubeconfig="+config)...)
		if err != nil {
			return err
		}
		p.procs = append(p.procs, proc)
	}
	return nil
}

// user makes a user who may do everything, and gives the file by which programs are it.
func (p *plane) user(name string) (kubeconfig string, err error) {
	u, err := p.env.AddUser(envtest.User{Name: name, Groups: []string{"system:masters"}}, nil)
	if err != nil {
		return "", fmt.Errorf("make user %s: %w", name, err)
	}
	data, err := u.KubeConfig()
	if err != nil {
		return "", fmt.Errorf("make user %s: %w", name, err)
	}
	file := filepath.Join(p.bench.dir, name+".kubeconfig")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		return "", fmt.Errorf("make user %s: %w", name, err)
	}
	return file, nil
}

// died is an error once one of the programs has ended.
func (p *plane) died() error {
	for _, proc := range p.procs {
		if err := proc.died(); err != nil {
			return err
		}
	}
	return nil
}

func (p *plane) stop() {
	for _, proc := range p.procs {
		proc.stop()
	}
	if err := p.env.Stop(); err != nil {
		p.bench.logf("stop the control plane: %v", err)
	}
}

// moduleDir is the folder of a module that this one is built with.
func moduleDir(ctx context.Context, module string) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return "", fmt.Errorf("find module %s: %w", module, err)
	}
	return strings.TrimSpace(string(out)), nil
}

func namespaceOf(name string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"gatemend.dev/remediation": "enabled"}}}
}
