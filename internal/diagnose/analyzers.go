package diagnose

// Analyzers lists all analyzers, in the order in which a request meets what they look at.
func Analyzers() []Analyzer {
	return []Analyzer{
		ingressClassMissing(), gatewayNotProgrammed(), gatewayListenerUnattached(), refgrantMissing(),
		serviceMissing(), servicePortMissing(), selectorMismatch(), selectorOvermatch(),
		namedPortMissing(), targetPortMismatch(), wrongListenAddress(),
		noReplicas(), admissionRejected(), unschedulable(), volumeUnavailable(), nodeNotReady(), configMissing(), imagePull(),
		sandboxFailed(), initBlocked(), oomKilled(), livenessProbeKills(), containerCrashloop(),
		readinessGateUnmet(), readinessProbeMisconfigured(),
		networkPolicyBlocksIngress(), networkPolicyBlocksEgress(),
		tlsBackendMismatch(), upstreamHeaderTooBig(), upstreamTimeout(), terminationRace(), dnsResolutionFailed(),
		badRollout(), appError(), podsNotReady(), noEndpoints(),
	}
}
