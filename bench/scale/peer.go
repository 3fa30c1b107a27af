package main

import (
	"context"
	"fmt"
	"strings"
)

// startStateMetrics runs kube-state-metrics with the resources that it has by default; nil if it was not given.
func (p *plane) startStateMetrics(ctx context.Context) (*process, error) {
	if p.bench.programs["kube-state-metrics"] == "" {
		return nil, nil
	}
	config, err := p.user("kube-state-metrics")
	if err != nil {
		return nil, err
	}
	a, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	b, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	_, port, _ := strings.Cut(a, ":")
	_, own, _ := strings.Cut(b, ":")
	proc, err := p.start(ctx, "kube-state-metrics", p.bench.programs["kube-state-metrics"],
		"--kubeconfig="+config, "--host=127.0.0.1", "--port="+port, "--telemetry-host=127.0.0.1", "--telemetry-port="+own)
	if err != nil {
		return nil, fmt.Errorf("start kube-state-metrics: %w", err)
	}
	return proc, nil
}
