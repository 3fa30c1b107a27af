// Package watch follows a cluster and says what is failing, why, and has it mended. It is the engine of every face
// that goes on looking: 'gatemend watch' and the controller.
//
// A [Watcher] counts requests from the gateways' logs and further sources ([Source]), opens an alarm within a second
// where a route fails, and diagnoses it. What alarms are about goes to a [Desk], which mends it: [Mender] does so at
// once, one after the other; the controller hands it over to an incident.
//
// A [Session] is the cluster that is followed, and a [View] of it what one repair observes. What is needed of the
// outside are the interfaces in this package.
package watch
