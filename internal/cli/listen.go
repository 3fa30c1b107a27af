package cli

import (
	"net/url"
	"time"

	"github.com/spf13/pflag"
)

// SourceOptions says which further sources a watch has. The zero value has none.
type SourceOptions struct {
	Scrape     time.Duration // how often gateways' metrics are read; 0: never
	Prometheus PrometheusOptions
	Alerts     AlertOptions
	Receive    ReceiveOptions
	Probes     ProbeOptions
}

// PrometheusOptions says which server is asked for metrics, and how.
type PrometheusOptions struct {
	URL          string // empty: none
	Every        time.Duration
	TokenFile    string
	User         string
	PasswordFile string
	CAFile       string
}

// AlertOptions says where alerts are received.
type AlertOptions struct {
	Address           string // empty: nowhere
	TokenFile         string
	CertFile, KeyFile string
	ClientCAFile      string
}

func (o *SourceOptions) add(f *pflag.FlagSet) {
	o.Receive.add(f)
	o.Probes.add(f)
	f.DurationVar(&o.Scrape, "scrape", 0, "also read the gateways' own metrics, this often")
	f.Lookup("scrape").NoOptDefVal = "1s"
	p := &o.Prometheus
	f.StringVar(&p.URL, "prometheus", "", "also ask this server, which must speak PromQL, for the gateways' metrics")
	f.DurationVar(&p.Every, "prometheus-every", 5*time.Second, "with --prometheus: how often to ask")
	f.StringVar(&p.TokenFile, "prometheus-token-file", "", "with --prometheus: file with a bearer token")
	f.StringVar(&p.User, "prometheus-user", "", "with --prometheus: user name")
	f.StringVar(&p.PasswordFile, "prometheus-password-file", "", "with --prometheus: file with the user's password")
	f.StringVar(&p.CAFile, "prometheus-ca", "", "with --prometheus: file with the authority that must have signed its certificate")
	a := &o.Alerts
	f.StringVar(&a.Address, "alerts", "", "also receive Alertmanager's webhooks at this address, and diagnose what they name")
	f.StringVar(&a.TokenFile, "alerts-token-file", "", "with --alerts: file with the bearer token that senders must show")
	f.StringVar(&a.CertFile, "alerts-cert", "", "with --alerts: file with the certificate to show; https then. It is read anew for each connection, like the next two")
	f.StringVar(&a.KeyFile, "alerts-key", "", "with --alerts: file with the certificate's key")
	f.StringVar(&a.ClientCAFile, "alerts-client-ca", "", "with --alerts: file with the authority that must have signed senders' certificates")
}

// leastEvery keeps gateways and servers from being asked without a pause.
const leastEvery = 100 * time.Millisecond

func (o *SourceOptions) validate() error {
	p, a := o.Prometheus, o.Alerts
	switch {
	case o.Scrape != 0 && o.Scrape < leastEvery, p.Every < leastEvery:
		return usagef("for example: --scrape=1s", "metrics cannot be read more often than every %s", leastEvery)
	case p.URL == "" && p != PrometheusOptions{Every: p.Every}:
		return usagef("add --prometheus URL", "--prometheus-... is for --prometheus")
	case p.TokenFile != "" && p.User != "":
		return usagef("give one of them", "--prometheus-token-file and --prometheus-user contradict each other")
	case (p.User == "") != (p.PasswordFile == ""):
		return usagef("give both of them", "--prometheus-user and --prometheus-password-file belong together")
	case a.Address == "" && a != AlertOptions{}:
		return usagef("add --alerts ADDRESS", "--alerts-... is for --alerts")
	case a.Address != "" && a.TokenFile == "" && a.ClientCAFile == "":
		return usagef("add --alerts-token-file FILE or --alerts-client-ca FILE", "--alerts takes no alerts from just anybody")
	case (a.CertFile == "") != (a.KeyFile == ""):
		return usagef("give both of them", "--alerts-cert and --alerts-key belong together")
	case a.ClientCAFile != "" && a.CertFile == "":
		return usagef("add --alerts-cert and --alerts-key", "clients show certificates to https only")
	}
	if u, err := url.Parse(p.URL); err != nil || p.URL != "" && (u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return usagef("for example: --prometheus http://prometheus.monitoring:9090", "--prometheus %q is no http or https URL", p.URL)
	}
	if err := o.Probes.validate(); err != nil {
		return err
	}
	return o.Receive.validate()
}

// hearRequests reports whether a source says of requests how they ended, as an alert does not.
func (o *SourceOptions) hearRequests() bool {
	return o.Scrape > 0 || o.Prometheus.URL != "" || len(o.Probes.URLs) > 0 || o.Receive.NodeLogs != "" || len(o.Receive.Addresses()) > 0
}
