// Package otlp receives OpenTelemetry logs of gateways, over gRPC and over HTTP (opentelemetry.io/docs/specs/otlp):
// from Envoy's OpenTelemetry access logger, from proxies that have one of their own, or from a collector
// that reads their files.
//
// A record is read as the line of a log: its body if that is text, else its body's or its own attributes as
// one JSON object, which is how gateways name their fields. Who sent it is told by the attributes of the
// resource.
//
// What finds no room is refused as a whole before anything of it is taken, and the sender is told when to
// try again. Records that no proxy writes are counted as rejected in the answer.
package otlp
