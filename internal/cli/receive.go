package cli

import (
	"github.com/spf13/pflag"
)

// ReceiveOptions says where gateways may send what they see, and what else is looked at.
type ReceiveOptions struct {
	ALS      string // address of Envoy's access log service; empty: none
	OTLP     string // address of OpenTelemetry logs over gRPC
	OTLPHTTP string // address of OpenTelemetry logs over HTTP

	TokenFile         string
	CertFile, KeyFile string
	ClientCAFile      string

	NodeLogs   string // folder
	Checkpoint string
}

func (o *ReceiveOptions) add(f *pflag.FlagSet) {
	f.StringVar(&o.ALS, "als", "", "also receive Envoy's access logs at this address (its Access Log Service, gRPC)")
	f.StringVar(&o.OTLP, "otlp", "", "also receive OpenTelemetry logs of gateways at this address (gRPC)")
	f.StringVar(&o.OTLPHTTP, "otlp-http", "", "also receive OpenTelemetry logs of gateways at this address (HTTP, /v1/logs)")
	f.StringVar(&o.TokenFile, "receive-token-file", "", "with --als and --otlp...: file with the bearer token that senders must show")
	f.StringVar(&o.CertFile, "receive-cert", "", "with --als and --otlp...: file with the certificate to show; TLS then. It is read anew for each connection, like the next two")
	f.StringVar(&o.KeyFile, "receive-key", "", "with --als and --otlp...: file with the certificate's key")
	f.StringVar(&o.ClientCAFile, "receive-client-ca", "", "with --als and --otlp...: file with the authority that must have signed senders' certificates")
	f.StringVar(&o.NodeLogs, "node-logs", "", "also follow the gateways' log files in this folder of the node, such as /var/log/pods")
	f.StringVar(&o.Checkpoint, "node-logs-checkpoint", "", "with --node-logs: file that keeps how far was read, so that nothing is read twice or left out")
}

// Addresses are those at which signals are received.
func (o *ReceiveOptions) Addresses() []string {
	var all []string
	for _, a := range []string{o.ALS, o.OTLP, o.OTLPHTTP} {
		if a != "" {
			all = append(all, a)
		}
	}
	return all
}

func (o *ReceiveOptions) validate() error {
	switch {
	case len(o.Addresses()) == 0 && (o.TokenFile != "" || o.CertFile != "" || o.KeyFile != "" || o.ClientCAFile != ""):
		return usagef("add --als, --otlp or --otlp-http with an address", "--receive-... is for these")
	case (o.CertFile == "") != (o.KeyFile == ""):
		return usagef("give both of them", "--receive-cert and --receive-key belong together")
	case o.ClientCAFile != "" && o.CertFile == "":
		return usagef("add --receive-cert and --receive-key", "clients show certificates over TLS only")
	case o.Checkpoint != "" && o.NodeLogs == "":
		return usagef("add --node-logs FOLDER", "--node-logs-checkpoint is for --node-logs")
	}
	return nil
}
