package cli

import (
	"github.com/spf13/pflag"
)

// Certificates are the files of mutual TLS.
type Certificates struct {
	CertFile, KeyFile string
	CAFile            string // the authority of the other side's certificate
}

func (c Certificates) complete() bool { return c.CertFile != "" && c.KeyFile != "" && c.CAFile != "" }

// AgentsOptions say where agents may report.
type AgentsOptions struct {
	Address string // empty: nowhere
	Certificates
}

func (o *AgentsOptions) add(f *pflag.FlagSet) {
	f.StringVar(&o.Address, "agents", "", "take reports of agents on nodes ('gatemend agent') at this address; what they read is not read through the API")
	f.StringVar(&o.CertFile, "agents-cert", "", "with --agents: file with the certificate to show; it is read anew for each connection, like the next two")
	f.StringVar(&o.KeyFile, "agents-key", "", "with --agents: file with the certificate's key")
	f.StringVar(&o.CAFile, "agents-ca", "", "with --agents: file with the authorities that agents' certificates may be of")
}

func (o *AgentsOptions) validate() error {
	switch {
	case o.Address == "" && o.Certificates != Certificates{}:
		return usagef("add --agents ADDRESS", "--agents-... is for --agents")
	case o.Address != "" && !o.complete():
		return usagef("add --agents-cert, --agents-key and --agents-ca", "--agents takes no reports from just anybody")
	}
	return nil
}
