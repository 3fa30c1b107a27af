package diagnose

import "slices"

// Analyzers lists all analyzers, family by family in the order in which a request meets what they look
// at; within a family likewise.
func Analyzers() []Analyzer {
	return slices.Concat([]Analyzer{
		// route-config
		ingressClassMissing(),
		gatewayNotProgrammed(),
		gatewayListenerUnattached(),
		refgrantMissing(),
		ingressPathMismatch(),
		routeConflict(),
		defaultBackendMissing(),
		routeWeightsZero(),
		routeSubsetMissing(),
		backendrefInvalid(),
		authSecretMissing(),
		routeAnnotationWrong(),
		intentionalResponse(),
		proxyLoop(),
		proxyRetryMisconfigured(),
		// service-wiring
		serviceMissing(),
		servicePortMissing(),
		wrongBackend(),
		trafficPolicyLocal(),
		endpointsUnmanaged(),
		selectorMismatch(),
		selectorOvermatch(),
		namedPortMissing(),
		targetPortMismatch(),
		wrongListenAddress(),
		publishesNotReady(),
		// backend-availability
		noReplicas(),
		admissionRejected(),
		unschedulable(),
		volumeUnavailable(),
		nodeNotReady(),
		podEvicted(),
		configMissing(),
		imagePull(),
		sandboxFailed(),
		podForbidden(),
		initBlocked(),
		oomKilled(),
		startupTooSlow(),
		livenessProbeKills(),
		containerCrashloop(),
		readinessGateUnmet(),
		readinessProbeMisconfigured(),
		readinessDependsOnOther(),
		readinessProbeTooTight(),
		readinessProbeMissing(),
		// network
		networkPolicyBlocksIngress(),
		networkPolicyBlocksEgress(),
		meshPolicyDenies(),
		cniDatapathFault(),
		serviceVIPFault(),
		// protocol-tls
		tlsSecretMissing(),
		certificateInvalid(),
		mtlsMismatch(),
		tlsBackendMismatch(),
		tlsSNIMismatch(),
		grpcMismatch(),
		upstreamHeaderTooBig(),
		// timeouts-limits
		upstreamTimeout(),
		upstreamConnectTimeout(),
		connectionLimit(),
		circuitBreakerOpen(),
		rateLimited(),
		appWorkersExhausted(),
		cpuThrottled(),
		autoscalerAtLimit(),
		proxyOverloaded(),
		// lifecycle-race
		sidecarNotReady(),
		rolloutRecreateGap(),
		nodeTerminationRace(),
		terminationRace(),
		keepaliveRace(),
		// proxy-control-plane
		proxyNotRunning(),
		proxyProcessWedged(),
		configRejected(),
		controllerPermissionDenied(),
		controlPlaneUnreachable(),
		controlPlaneCertExpired(),
		controllerStale(),
		staleEndpoints(),
		// cloud-lb
		lbNotProvisioned(),
		lbHealthCheck(),
		cloudFirewallBlocksLB(),
		// name-resolution
		externalNameBad(),
		dnsResolutionFailed(),
		// application
		faultInjectionActive(),
		dependencyUnavailable(),
		badRollout(),
		appMisconfigured(),
		appError(),
		// what remains
		podsNotReady(),
		noEndpoints(),
	}, wordAnalyzers())
}
