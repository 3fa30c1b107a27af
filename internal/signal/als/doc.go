// Package als receives Envoy's access logs over gRPC: it is a server of Envoy's Access Log Service
// (envoyproxy/envoy, api/envoy/service/accesslog/v3/als.proto), to which Envoy keeps one stream open and
// sends entries in batches.
//
// The protocol has no answers: Envoy cannot be told to send an entry again. When the reader is slow,
// streams are not read for a moment, by which the sender's own buffer fills (it then drops entries, and
// counts them in the statistic access_logs.grpc_access_log.logs_dropped); what does not find room even then
// is dropped here and counted. What Envoy had sent and gatemend not yet read when a connection breaks
// is lost, too.
package als
