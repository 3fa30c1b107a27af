package als

import (
	"net"
	"strconv"
	"strings"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	data "github.com/envoyproxy/go-control-plane/envoy/data/accesslog/v3"

	"github.com/gatemend/gatemend/internal/proxy/envoy"
	"github.com/gatemend/gatemend/internal/signal/feed"
)

// httpRecord reads an entry of a request. last is false if the request goes on.
func httpRecord(e *data.HTTPAccessLogEntry) (r envoy.Record, last bool) {
	c, request, response := e.GetCommonProperties(), e.GetRequest(), e.GetResponse()
	r = commonRecord(c)
	if m := request.GetRequestMethod(); m != core.RequestMethod_METHOD_UNSPECIFIED {
		r.Method = m.String()
	}
	r.Authority = request.GetAuthority()
	r.Path = request.GetPath()
	if original := request.GetOriginalPath(); original != "" {
		r.Path = original // what the client asked for, before the route rewrote it
	}
	if r.Method == "" && r.Path != "" {
		r.Method = "OTHER" // a method that the protocol has no name for
	}
	r.ForwardedFor = request.GetForwardedFor()
	r.Status = int(response.GetResponseCode().GetValue())
	r.Details = response.GetResponseCodeDetails()
	return r, ends(c)
}

// tcpRecord reads an entry of a connection.
func tcpRecord(e *data.TCPAccessLogEntry) (r envoy.Record, last bool) {
	c := e.GetCommonProperties()
	r = commonRecord(c)
	r.Connection = true
	r.Details = c.GetConnectionTerminationDetails()
	r.ServerName = c.GetTlsProperties().GetTlsSniHostname()
	return r, ends(c)
}

// ends reports whether an entry is the last one about its request or connection. Entries are also
// written at other moments where flush_access_log_on_new_request and the like are set.
func ends(c *data.AccessLogCommon) bool {
	if c.GetIntermediateLogEntry() { //nolint:staticcheck // Envoys before 1.26 say it so and have no type of entry
		return false
	}
	switch c.GetAccessLogType() {
	case data.AccessLogType_NotSet, data.AccessLogType_DownstreamEnd, data.AccessLogType_TcpConnectionEnd:
		return true
	default: // beginnings, and what upstream filters write beside
		return false
	}
}

func commonRecord(c *data.AccessLogCommon) envoy.Record {
	r := envoy.Record{
		Flags: flags(c.GetResponseFlags()), Transport: c.GetUpstreamTransportFailureReason(),
		Client: address(c.GetDownstreamRemoteAddress()), UpstreamHost: address(c.GetUpstreamRemoteAddress()),
		UpstreamCluster: c.GetUpstreamCluster(), Route: c.GetRouteName(),
	}
	if at := c.GetStartTime(); at.IsValid() {
		r.At = at.AsTime()
	}
	switch {
	case c.GetDuration().IsValid():
		r.Duration = c.GetDuration().AsDuration()
	case c.GetTimeToLastDownstreamTxByte().IsValid(): // before Envoy 1.25
		r.Duration = c.GetTimeToLastDownstreamTxByte().AsDuration()
	}
	r.Duration = min(max(r.Duration, 0), 24*time.Hour)
	return r
}

func address(a *core.Address) string {
	socket := a.GetSocketAddress()
	if socket.GetAddress() == "" {
		return a.GetPipe().GetPath()
	}
	return net.JoinHostPort(socket.GetAddress(), strconv.Itoa(int(socket.GetPortValue())))
}

// flags gives the short names of the text format, in its order (envoyproxy/envoy,
// source/common/stream_info/utility.h, CORE_RESPONSE_FLAGS; to which field each belongs:
// responseFlagsToAccessLogResponseFlags in source/extensions/access_loggers/grpc/grpc_access_log_utils.cc).
func flags(f *data.ResponseFlags) string {
	var names []string
	for _, flag := range [...]struct {
		set  bool
		name string
	}{
		{f.GetFailedLocalHealthcheck(), "LH"},
		{f.GetNoHealthyUpstream(), "UH"},
		{f.GetUpstreamRequestTimeout(), "UT"},
		{f.GetLocalReset(), "LR"},
		{f.GetUpstreamRemoteReset(), "UR"},
		{f.GetUpstreamConnectionFailure(), "UF"},
		{f.GetUpstreamConnectionTermination(), "UC"},
		{f.GetUpstreamOverflow(), "UO"},
		{f.GetNoRouteFound(), "NR"},
		{f.GetDelayInjected(), "DI"},
		{f.GetFaultInjected(), "FI"},
		{f.GetRateLimited(), "RL"},
		{f.GetUnauthorizedDetails().GetReason() == data.ResponseFlags_Unauthorized_EXTERNAL_SERVICE, "UAEX"},
		{f.GetRateLimitServiceError(), "RLSE"},
		{f.GetDownstreamConnectionTermination(), "DC"},
		{f.GetUpstreamRetryLimitExceeded(), "URX"},
		{f.GetStreamIdleTimeout(), "SI"},
		{f.GetInvalidEnvoyRequestHeaders(), "IH"},
		{f.GetDownstreamProtocolError(), "DPE"},
		{f.GetUpstreamMaxStreamDurationReached(), "UMSDR"},
		{f.GetResponseFromCacheFilter(), "RFCF"},
		{f.GetNoFilterConfigFound(), "NFCF"},
		{f.GetDurationTimeout(), "DT"},
		{f.GetUpstreamProtocolError(), "UPE"},
		{f.GetNoClusterFound(), "NC"},
		{f.GetOverloadManager(), "OM"},
		{f.GetDnsResolutionFailure(), "DF"},
		{f.GetDownstreamRemoteReset(), "DR"},
	} {
		if flag.set {
			names = append(names, flag.name)
		}
	}
	return strings.Join(names, ",")
}

// senderOf reads what Envoy's node says of its pod:
//
//	router~10.0.0.5~POD.NAMESPACE~NAMESPACE.svc.cluster.local    Istio
//	POD, with the cluster NAMESPACE                              Contour
//	POD, with the cluster NAMESPACE/GATEWAY of the Gateway       Envoy Gateway
//
// In the last the pod may be in another namespace, so none is given.
func senderOf(node *core.Node) feed.Sender {
	id := node.GetId()
	if parts := strings.Split(id, "~"); len(parts) == 4 {
		if i := strings.LastIndexByte(parts[2], '.'); i > 0 {
			return feed.Sender{Namespace: parts[2][i+1:], Pod: parts[2][:i]}
		}
	}
	if strings.ContainsAny(id, "~/ ") {
		return feed.Sender{}
	}
	s := feed.Sender{Pod: id}
	if cluster := node.GetCluster(); !strings.Contains(cluster, "/") {
		s.Namespace = cluster
	}
	return s
}
