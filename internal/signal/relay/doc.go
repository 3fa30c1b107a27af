// Package relay carries what agents on nodes count to the controller that leads: [Sender] is the agents' end,
// [Receiver] the controller's.
//
// What is sent are OpenTelemetry metrics over gRPC (opentelemetry-proto, collector/metrics/v1): a cumulative sum for each kind of
// request, since the agent's start, whose exemplars are some of the requests. The controller counts the differences.
// So a report may be lost, late or sent twice: what it said is in the next one, or was counted already. While nobody
// answers, reports wait in bounded number; the oldest are made one, by which nothing is lost but when in that
// time a request was.
//
// Each life of a receiver has an id. An agent that meets another one than before tells it first up to where the last one
// had confirmed, so that the new one counts what nobody has counted.
//
// A gateway is counted in one way. Once an agent speaks of one, its log is not read through the API any more; once
// the agent has been silent for a while, it is, from the line after the last that was counted. When an agent comes back,
// what it counted in between is left out.
package relay
