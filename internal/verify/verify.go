package verify

import (
	"cmp"
	"fmt"
	"math"
	"time"

	"github.com/gatemend/gatemend/internal/detect"
	"github.com/gatemend/gatemend/internal/model"
)

// Verdict is what a change did.
type Verdict string

// The verdicts.
const (
	NeedMore       Verdict = "need-more"       // not decided yet: ask again
	Helped         Verdict = "helped"          // the errors stopped, significantly
	NotHelped      Verdict = "not-helped"      // they did not, in time
	WorseElsewhere Verdict = "worse-elsewhere" // another route fails since the change
	// Unverified: nothing speaks against the change, but traffic does not prove it. It may stay;
	// nobody may call it verified.
	Unverified Verdict = "unverified"
)

// Options are the limits of a verification. The zero value of each field means its default.
type Options struct {
	// Soak is how long no error may have been seen; default 3 s.
	Soak time.Duration
	// Deadline is when a change that has not helped is given up, counted from Evidence.Started, or from when gateways have
	// caught up with an API server that was away; default 60 s.
	Deadline time.Duration
	// CatchUp is how long after the API server's return gateways and controllers may still work by what they knew before;
	// default 60 s. A watch that fails is begun anew after up to so long (client-go, reflector.go: "backoff will stop at
	// [30,60) sec interval").
	CatchUp time.Duration
	// NoTraffic is how long to wait for the route's first request; default 20 s.
	NoTraffic time.Duration
	// Significance is how improbable the run of successes must have been before; default 0.01.
	Significance float64
	// MinRequests is the least run that proves anything; default 20.
	MinRequests int
}

// Defaults fills in what is zero.
func (o Options) Defaults() Options {
	o.Soak = cmp.Or(o.Soak, 3*time.Second)
	o.Deadline = cmp.Or(o.Deadline, 60*time.Second)
	o.CatchUp = cmp.Or(o.CatchUp, time.Minute)
	o.NoTraffic = cmp.Or(o.NoTraffic, 20*time.Second)
	o.Significance = cmp.Or(o.Significance, 0.01)
	o.MinRequests = cmp.Or(o.MinRequests, 20)
	return o
}

// Other is a route that is not the one to be mended.
type Other struct {
	Route  string
	Before Counts // in the time before the change
	After  Tally
	// Touched: the change can have an effect on it. What begins to fail elsewhere in the same seconds is not taken for one.
	Touched bool
}

// Evidence is what is known at one moment after a change.
type Evidence struct {
	Effect time.Time // when the change was made; requests before it are not counted
	// Started is when waiting for its effect began, after controllers had carried it through: the
	// deadline counts from here. Zero means Effect.
	Started time.Time
	// Back is when the API server could be seen again after a time in which it could not; zero: no such time is known of. What
	// fails before gateways have caught up with it (see Options.CatchUp) does not speak against the change.
	Back   time.Time
	Before Counts // of the failing route, while it failed
	After  Tally  // of the failing route
	Others []Other
	// Asked is how many of the requests after it were sent for the proof alone.
	Asked int
	// ModelAgrees: the walk of the route on the cluster as it is now is healthy.
	ModelAgrees bool
	// Ready: the pods behind the route are ready. ReadySince is since when they have been at every look; zero: nobody
	// looked before.
	Ready      bool
	ReadySince time.Time
	Proof      model.Proof
	// Rollout is the rollout that proves a race mended; for model.ProofRollout only.
	Rollout Rollout
}

// Rollout is a replacement of all pods.
type Rollout struct {
	Done bool
	End  time.Time
}

// Judgement is a verdict and the sentence that explains it.
type Judgement struct {
	Verdict Verdict `json:"verdict"`
	Because string  `json:"because"`
}

// Judge decides what a change did, as far as can be known at the time now.
func Judge(e Evidence, now time.Time, o Options) Judgement {
	o = o.Defaults()
	j := judge(e, now, o)
	if j.Verdict == NeedMore {
		return j
	}
	for _, other := range e.Others {
		if !other.Touched && other.fails(e, now, o) {
			j.Because += fmt.Sprintf("; %s began to fail as well (%d of %d requests), which the change does not touch",
				other.Route, other.After.Errors, other.After.Requests)
		}
	}
	return j
}

func judge(e Evidence, now time.Time, o Options) Judgement {
	if e.Started.IsZero() {
		e.Started = e.Effect
	}
	// A pod that crashes again and again is ready in between, and may even answer.
	e.Ready = e.Ready && (e.ReadySince.IsZero() || now.Sub(e.ReadySince) >= o.Soak)
	if j, bad := worse(e, now, o); bad {
		return j
	}
	if e.Proof == model.ProofRollout {
		return judgeRollout(e, now, o)
	}
	late := e.late(now, o)
	need := needed(e.Before, o)
	because, proven := fmt.Sprintf("%d requests in a row succeeded", e.After.Run), e.After.Run >= need && now.Sub(quietSince(e)) >= o.Soak
	if !proven && fewFail(e, now, o) {
		because, proven = fmt.Sprintf("hardly any request fails any more (%d of %d since the change)", e.After.Errors, e.After.Requests), true
	}
	switch {
	case proven && e.ModelAgrees && e.Ready:
		return say(Helped, "%s%s%s", because, ours(e), formerly(e.Before))
	case proven && late:
		return say(Unverified, "%s, but %s", because, disagreement(e))
	case e.After.Requests == 0 && now.Sub(e.Started) >= min(o.NoTraffic, o.Deadline):
		return judgeSilence(e, late)
	case late:
		return judgeLate(e, need)
	default:
		return say(NeedMore, "%d of %d requests in a row succeeded", min(e.After.Run, need), need)
	}
}

// late reports whether the change has had its time. It counts from when gateways must have heard of it.
func (e Evidence) late(now time.Time, o Options) bool {
	from := e.Started
	if !e.Back.IsZero() && e.Back.Add(o.CatchUp).After(from) {
		from = e.Back.Add(o.CatchUp)
	}
	return now.Sub(from) >= o.Deadline
}

// judgeSilence is for a route without a single request since the change.
func judgeSilence(e Evidence, late bool) Judgement {
	switch {
	case e.ModelAgrees && e.Ready:
		return say(Unverified, "no request reached the route; the model expects it to work and its pods are ready")
	case late:
		return say(NotHelped, "no request reached the route, and %s", disagreement(e))
	default:
		return say(NeedMore, "no request has reached the route yet, and %s", disagreement(e))
	}
}

// judgeLate decides at the deadline, when the run of successes is not long enough.
func judgeLate(e Evidence, need int) Judgement {
	if e.After.Errors == 0 && e.ModelAgrees && e.Ready {
		return say(Unverified, "all %d requests succeeded, too few to be sure (%d are needed)", e.After.Requests, need)
	}
	return say(NotHelped, "%d of %d requests failed since the change", e.After.Errors, e.After.Requests)
}

// judgeRollout asks for one rollout without a single error, and a soak after it.
func judgeRollout(e Evidence, now time.Time, o Options) Judgement {
	switch {
	case e.After.Errors > 0:
		return say(NotHelped, "%d of %d requests failed during the next rollout", e.After.Errors, e.After.Requests)
	case !e.Rollout.Done || now.Sub(e.Rollout.End) < o.Soak:
		if e.late(now, o) {
			return say(NotHelped, "the next rollout did not end in time")
		}
		return say(NeedMore, "the next rollout is under way: %d requests, none failed", e.After.Requests)
	case e.After.Requests < o.MinRequests:
		return say(Unverified, "only %d requests came during the next rollout", e.After.Requests)
	case !e.ModelAgrees || !e.Ready:
		if !e.late(now, o) {
			return say(NeedMore, "no request failed during the next rollout, but %s", disagreement(e))
		}
		return say(Unverified, "no request failed during the next rollout, but %s", disagreement(e))
	default:
		return say(Helped, "none of %d requests failed during the next rollout", e.After.Requests)
	}
}

// worse finds a route within the change's reach that fails since, and did not before.
func worse(e Evidence, now time.Time, o Options) (Judgement, bool) {
	for _, other := range e.Others {
		if other.Touched && other.fails(e, now, o) {
			return say(WorseElsewhere, "%s fails since the change: %d of %d requests",
				other.Route, other.After.Errors, other.After.Requests), true
		}
	}
	return Judgement{}, false
}

// fails reports whether a route fails since the change and did not before. It must be failing still:
// a few errors while proxies take the change up are not its effect.
func (other Other) fails(e Evidence, now time.Time, o Options) bool {
	const (
		z        = 2.58 // 99 %
		leastBad = 5
	)
	low, _ := other.After.bounds(z)
	_, high := other.Before.bounds(z)
	if other.Before.Requests == 0 {
		high = 0.5 // a route that was silent before is only blamed on the change if most of it fails
	}
	return other.After.Errors >= leastBad && low > high && now.Sub(other.After.LastError) < o.Soak &&
		other.After.LastError.Sub(e.Effect) >= o.Soak
}

// needed is how many successes in a row are significant after a former error ratio. Where no error was
// counted before, the ratio is not known, and a fixed number has to do.
func needed(before Counts, o Options) int {
	o = o.Defaults()
	if before.Errors == 0 {
		const unknown = 3
		return unknown * o.MinRequests
	}
	const rarest = 0.005 // below this share of errors no run of a useful length proves anything
	p, _ := before.bounds(1.64)
	p = min(max(p, rarest), 0.999)
	return max(o.MinRequests, int(math.Ceil(math.Log(o.Significance)/math.Log(1-p))))
}

// fewFail reports whether so many requests have succeeded, and so few failed, that the share of errors is below what
// alarms are for, by the test that also ends them (see [detect.Evidence]). A busy route has errors every second, and was never
// without. It proves nothing where less than that share failed before.
func fewFail(e Evidence, now time.Time, o Options) bool {
	const z = 1.64 // 95 %
	before, _ := e.Before.bounds(z)
	return before >= tooMany && e.After.Relief >= detect.Recovered && now.Sub(e.After.ReliefFrom) >= o.Soak
}

// quietSince is when the run of successes began.
func quietSince(e Evidence) time.Time {
	if e.After.LastError.After(e.Effect) {
		return e.After.LastError
	}
	return e.Effect
}

func formerly(before Counts) string {
	if before.Errors == 0 {
		return ""
	}
	return fmt.Sprintf("; %d of %d failed before", before.Errors, before.Requests)
}

// ours says that nobody else has sent requests.
func ours(e Evidence) string {
	if e.Asked == 0 {
		return ""
	}
	return fmt.Sprintf(", of which gatemend sent %d itself", min(e.Asked, e.After.Requests))
}

func disagreement(e Evidence) string {
	if !e.Ready {
		return "its pods are not ready, or not for long"
	}
	return "the model still expects it to fail"
}

func say(v Verdict, format string, args ...any) Judgement {
	return Judgement{Verdict: v, Because: fmt.Sprintf(format, args...)}
}
