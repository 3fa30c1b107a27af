package relay

import (
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// LongestName and LongestPath bound the texts of a series; routes, Services and paths may be as long as the latter. See [Name].
const (
	LongestName = 253
	LongestPath = 1024
)

// Series is what requests have in common that are counted together.
type Series struct {
	Proxy                     string
	Host, Path                string // where the log names neither a route nor a Service
	RouteNamespace, RouteName string
	Service, ServicePort      string
	Status                    int // 0: no answer
	Failure                   model.FailureKind
}

// Point is how many requests of a series there have been since the agent started.
type Point struct {
	Series Series
	Value  uint64
	// Samples are some of those since the point before.
	Samples []model.Signal
}

// Gateway is what a report says of one gateway.
type Gateway struct {
	Pod model.Ref
	// Read is the stamp of the newest line that was counted, as the node's container runtime wrote it; zero: none was.
	Read   time.Time
	Points []Point        // of the series that changed since the report before
	Errors []model.Signal // new lines of the error log
}

// Report is what an agent says at one moment. It lists every gateway that the agent reads.
type Report struct {
	Node string
	// Instance is the life of the agent since whose start, Started, its counters count.
	Instance string
	Started  time.Time
	// Number grows from report to report of an instance.
	Number   uint64
	At       time.Time
	Gateways []Gateway
	// Omitted is how many samples there was no room for since the agent started.
	Omitted uint64
}

// Changed reports whether there is more in it than that the agent lives.
func (r *Report) Changed() bool {
	for i := range r.Gateways {
		if len(r.Gateways[i].Points) > 0 || len(r.Gateways[i].Errors) > 0 {
			return true
		}
	}
	return false
}

// size is how many points and samples it has.
func (r *Report) size() (points, samples int) {
	for i := range r.Gateways {
		g := &r.Gateways[i]
		points += len(g.Points)
		samples += len(g.Errors)
		for j := range g.Points {
			samples += len(g.Points[j].Samples)
		}
	}
	return points, samples
}
