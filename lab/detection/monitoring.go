package detection

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/gatemend/gatemend/lab/cluster"
)

// Setup is one way to run Prometheus.
type Setup struct {
	Name     string // of its alerts, too
	Port     int
	Interval string // of scrapes and of evaluating rules
	Window   string // over which rates are taken
	For      string
}

// Setups are the usual rule, as it stands in most guides, and one that is as fast as can be.
func Setups() []Setup {
	return []Setup{
		{Name: "usual", Port: 9091, Interval: "15s", Window: "1m", For: "1m"},
		{Name: "tuned", Port: 9092, Interval: "1s", Window: "5s", For: "0s"},
	}
}

// Ports of what runs in the cluster's network.
const (
	alertmanagerPort = 9093
	receiverPort     = 9099
)

// token is what Alertmanager shows gatemend.
const token = "only-for-the-lab"

// ratio is the share of answers that are errors, above which the rules fire.
const ratio = 0.05

// rules ask for each backend how many of its answers are errors, with the series that the proxies expose.
func (s Setup) rules() string {
	rule := func(of, by, errors string) string {
		return fmt.Sprintf(`
      - alert: %[1]s
        expr: sum by (%[3]s) (rate(%[2]s{%[4]s}[%[5]s])) / sum by (%[3]s) (rate(%[2]s[%[5]s])) > %[6]v
        for: %[7]s
        labels: {setup: %[1]s}
        annotations: {summary: "more than 5 of 100 answers are errors"}`, s.Name, of, by, errors, s.Window, ratio, s.For)
	}
	return "groups:\n  - name: gateways\n    rules:" +
		rule("envoy_cluster_upstream_rq", "envoy_cluster_name", `envoy_response_code=~"5.."`) +
		rule("haproxy_backend_http_responses_total", "proxy", `code="5xx"`) + "\n"
}

// Scraped is a gateway's pod that exposes metrics.
type Scraped struct{ Job, Address, Path string }

func (s Setup) config(rulesFile string, pods []Scraped) string {
	var b strings.Builder
	fmt.Fprintf(&b, "global: {scrape_interval: %[1]s, evaluation_interval: %[1]s, scrape_timeout: 1s}\nrule_files: [%[2]q]\n", s.Interval, rulesFile)
	fmt.Fprintf(&b, "alerting: {alertmanagers: [{static_configs: [{targets: ['127.0.0.1:%d']}]}]}\nscrape_configs:\n", alertmanagerPort)
	for _, p := range pods {
		fmt.Fprintf(&b, "  - {job_name: %q, metrics_path: %q, static_configs: [{targets: [%q]}]}\n", p.Job, p.Path, p.Address)
	}
	return b.String()
}

// alertmanager waits group_wait's default of 30 s for the usual alerts, and not at all for the tuned ones.
func alertmanager() string {
	return fmt.Sprintf(`
route:
  receiver: gatemend
  group_by: [setup, envoy_cluster_name, proxy]
  routes:
    - {matchers: ['setup="tuned"'], receiver: gatemend, group_wait: 0s, group_interval: 1s}
receivers:
  - name: gatemend
    webhook_configs:
      - url: http://127.0.0.1:%d/
        http_config: {authorization: {credentials: %q}}
`, receiverPort, token)
}

// programs are the processes of one run.
type programs struct {
	cluster *cluster.Cluster
	dir     string
	running []*exec.Cmd
}

// start runs a program in the cluster's network until stop.
func (p *programs) start(ctx context.Context, name string, argv ...string) error {
	cmd, err := p.cluster.Command(ctx, argv...)
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(p.dir, name+".log"))
	if err != nil {
		return fmt.Errorf("make a log for %s: %w", name, err)
	}
	defer log.Close() // the program has its own
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	p.running = append(p.running, cmd)
	return nil
}

// stop ends everything that was started, by its id, and waits for it.
func (p *programs) stop() {
	for _, cmd := range p.running {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	}
	for _, cmd := range p.running {
		kill := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait() // it was told to end
		kill.Stop()
	}
	p.running = nil
}

// monitor starts Alertmanager and the servers.
func (p *programs) monitor(ctx context.Context, paths map[string]string, setups []Setup, pods []Scraped) error {
	write := func(name, text string) (string, error) {
		path := filepath.Join(p.dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return "", fmt.Errorf("write %s: %w", name, err)
		}
		return path, nil
	}
	config, err := write("alertmanager.yml", alertmanager())
	if err != nil {
		return err
	}
	if err := p.start(ctx, "alertmanager", paths["prometheus-alertmanager"], "--config.file="+config, "--cluster.listen-address=",
		"--storage.path="+filepath.Join(p.dir, "alertmanager"), fmt.Sprintf("--web.listen-address=127.0.0.1:%d", alertmanagerPort)); err != nil {
		return err
	}
	for _, s := range setups {
		rules, err := write(s.Name+"-rules.yml", s.rules())
		if err != nil {
			return err
		}
		config, err := write(s.Name+".yml", s.config(rules, pods))
		if err != nil {
			return err
		}
		if err := p.start(ctx, s.Name, paths["prometheus"], "--config.file="+config, "--storage.tsdb.path="+filepath.Join(p.dir, s.Name),
			fmt.Sprintf("--web.listen-address=127.0.0.1:%d", s.Port)); err != nil {
			return err
		}
	}
	return nil
}
