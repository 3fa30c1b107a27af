package detect

import (
	"math"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// state is where a route stands between two ticks.
type state uint8

const (
	calm    state = iota
	opening       // a test gave way; the next tick reports it
	alarmed       // reported
	worse         // an open alarm became a full outage; the next tick reports it
	back          // vanished traffic has come back; the next tick reports it
	states        // how many there are
)

// minFailures is the least number of errors of an alarm, whatever the tests say: one stray error is never
// an alarm, and two by chance are common at a thousand requests a second.
const minFailures = 3

// apart is how far two failures in a row must at least lie apart to open an alarm without a third.
const apart = time.Second

// behind is how long the log of one gateway may come after another's. Until then, failures in a row may be those of one gateway alone.
const behind = 3 * time.Second

// route is what the detector knows of one route.
type route struct {
	key     string
	object  model.Ref
	watched uint32 // its place in Detector.active while it is not calm
	// toRelieve is a number of successes with which relief is not enough yet; 0: not known since the last failure.
	toRelieve uint32
	memory
}

// memory is what was learned of a route; its exported fields are what a checkpoint keeps.
type memory struct {
	Sums  cusums
	Usual baseline
	// Gap are successes that Sums have not taken in: while nothing fails, a request costs a counter.
	Gap uint32
	// Since and SinceErrors are requests that have not been learned as usual, because there was evidence against it.
	Since, SinceErrors uint32

	Bucket  bucket
	Windows windows
	First   instant // request
	Last    instant // the newest request
	Longest float32 // silence between two requests, in seconds; fades
	Slow    float32 // what only one in a hundred answers takes longer than, in seconds

	Row     uint32  // failures since the last success, without those that began before it
	RowFrom instant // the first of them
	Success instant // the newest success, as it is stamped

	State state
	Kind  Kind
	// Of an alarm: the first error, the report, the last error, and what was counted since the first.
	From, Opened, LastError instant
	Requests, Errors        uint64
	// Failing is the share of errors up to the last error of an alarm, Seen the clock at that; Relief the evidence up to there
	// that hardly anything fails any more, and ReliefFrom since when there is any.
	Failing, Relief  float32
	Seen, ReliefFrom instant
	// Relieved is the stamp of the first success since the last failure of an alarm that counts against its end; it is kept
	// after the end.
	Relieved instant
}

func newRoute(key string, o Options) route {
	return route{key: key, memory: memory{Usual: newBaseline(o.Usual)}}
}

// arrive notes that requests came. at is their stamp, now the later one of stamp and clock.
func (r *route) arrive(at, now instant, requests, errors int, o Options) {
	if r.First == 0 {
		r.First, r.Bucket.From = at, now
	}
	if at > r.Last {
		if r.Last > 0 {
			r.Longest = max(r.Longest, float32(at.since(r.Last).Seconds()))
		}
		r.Last = at
	}
	if age := now.since(r.Bucket.From); age >= bucketLength {
		r.turn(now, age, o)
	}
	r.Bucket.Requests = plus(r.Bucket.Requests, requests)
	r.Bucket.Errors = plus(r.Bucket.Errors, errors)
	if r.Kind == Vanished && r.State == alarmed {
		r.State = back
	}
}

// turn closes a bucket.
func (r *route) turn(now instant, age time.Duration, o Options) {
	failed := r.Bucket.Errors > 0
	r.Windows.fold(r.Bucket, age)
	r.Bucket = bucket{From: now}
	r.Longest *= float32(math.Exp(-float64(age) / float64(length(hours6))))
	if r.State != calm {
		return
	}
	r.settle(o)
	if !failed {
		return
	}
	if long, since, ok := r.Windows.burning(o, limit(r.between(now, o), partOfSum)); ok {
		r.open(SlowBurn, max(r.First, now.add(-since)))
		r.Requests, r.Errors = uint64(long.Requests), uint64(long.Errors)
		r.Failing = float32(long.ratio())
	}
}

// open prepares an alarm for the next tick.
func (r *route) open(k Kind, from instant) {
	r.State, r.Kind, r.From = opening, k, from
	r.Requests, r.Errors = uint64(r.Since), uint64(r.SinceErrors)
	r.Relief, r.ReliefFrom, r.Relieved, r.Seen, r.toRelieve = 0, 0, 0, 0, 0
}

// counting reports whether requests belong to an open alarm.
func (r *route) counting() bool { return r.State != calm && r.Kind != Vanished }

// succeed takes in successes.
func (r *route) succeed(at, now instant, n uint32) {
	if n == 0 {
		return
	}
	r.Row = 0
	r.Success = max(r.Success, at)
	r.Gap = plus(r.Gap, int(n))
	if r.counting() {
		r.Requests += uint64(n)
		if r.ReliefFrom == 0 {
			r.ReliefFrom = now
		}
		if r.Relieved == 0 {
			r.Relieved = at
		}
	}
}

// longest is how long requests may take for which allowance is made because they are stamped with their begin: more than gateways
// wait for an answer unless they are told to. What is stamped even earlier comes from a clock that is wrong.
const longest = 2 * time.Minute

// told reports whether what failed only now began before the last alarm was over, and so belongs to it.
func (r *route) told(at, now instant) bool {
	return r.State == calm && at < r.Relieved && now.since(at) < longest
}

// fail takes in failures in a row.
func (r *route) fail(at, now instant, n uint32, o Options) {
	if at >= r.Success { // else a request that began later has succeeded by now
		if r.Row == 0 {
			r.RowFrom = at
		}
		r.Row = plus(r.Row, int(n))
	}
	r.LastError = max(r.LastError, at)
	if r.counting() {
		r.failOn(at, now, n, o)
		return
	}
	r.settle(o)
	usual := r.Usual.ratio(o)
	r.Sums.fail(at, n, usual, o)
	r.Since = plus(r.Since, int(n))
	r.SinceErrors = plus(r.SinceErrors, int(n))
	if r.State == calm {
		r.judge(at, now, usual, o)
	}
}

// failOn takes in failures while an alarm is open.
func (r *route) failOn(at, now instant, n uint32, o Options) {
	r.Requests += uint64(n)
	r.Errors += uint64(n)
	if r.leftover(at, now, o) {
		return
	}
	r.refute(n, o)
	r.Seen, r.Relieved = now, 0
	if r.Kind == Outage && r.Row <= n {
		r.Kind = Partial // something succeeded in between
	}
	r.Failing = float32(r.Errors) / float32(r.Requests)
	if r.State == alarmed && r.Kind != Outage && at.since(r.RowFrom) >= behind && r.allFail(float64(r.Failing), now, o) {
		r.State, r.Kind = worse, Outage
	}
}

// leftover reports whether a failure says nothing about the end of an outage, as requests that began later have succeeded: a proxy
// that tries again for seconds tells only then that the last ones have failed. Where failures take as long as Calm it is not known whether those
// that began with the successes will fail as well; and where only a share fails, successes show nothing by themselves.
func (r *route) leftover(at, now instant, o Options) bool {
	return r.Kind == Outage && at < r.Relieved && now.since(at) < o.Calm
}

// relief is the evidence that the share of errors is below what shall be noticed, the usual errors granted.
// No more is kept than a few errors can refute.
func (r *route) relief(o Options) (sum, success, failure float64) {
	success, failure = Evidence(min(o.MinEffect, float64(r.Failing)), r.Usual.ratio(o))
	return min(float64(r.Relief)+float64(r.Gap)*success, 2*Recovered), success, failure
}

// refute takes in failures as evidence against recovery.
func (r *route) refute(n uint32, o Options) {
	if r.Gap > 0 || r.Relief > 0 {
		sum, _, failure := r.relief(o)
		r.Relief = float32(max(0, sum+float64(n)*failure))
		r.Gap, r.toRelieve = 0, 0
	}
	if r.Relief == 0 {
		r.ReliefFrom = 0
	}
}

// settle lets the sums take in the successes since the last failure. What was seen is learned as usual once no evidence against
// it is left. A failure that builds up slowly would be learned before it is noticed otherwise.
func (r *route) settle(o Options) {
	none := r.Sums.succeed(r.Gap, r.Usual.ratio(o), o)
	r.Since = plus(r.Since, int(r.Gap))
	r.Gap = 0
	if none {
		r.Usual.add(r.Since, r.SinceErrors)
		r.Since, r.SinceErrors = 0, 0
	}
}

// judge asks the tests for full outages and shares of errors.
func (r *route) judge(at, now instant, usual float64, o Options) {
	if r.allFail(usual, now, o) || r.rare(at, now, usual, o) {
		r.open(Outage, r.RowFrom)
		r.Requests, r.Errors, r.Failing = uint64(r.Row), uint64(r.Row), 1
		return
	}
	if r.SinceErrors < minFailures {
		return
	}
	if from, ok := r.Sums.over(limit(r.between(now, o), partOfSum)); ok {
		r.open(Partial, from)
		r.Failing = float32(r.Errors) / float32(r.Requests)
	}
}

// allFail reports whether more requests in a row failed than chance explains at a ratio.
func (r *route) allFail(ratio float64, now instant, o Options) bool {
	return r.Row >= minFailures && -float64(r.Row)*math.Log(min(ratio, mostShare)) >= limit(r.between(now, o), partOfRuns)
}

// rare reports whether requests come so seldom that two failures in a row are not chance, as with a request
// a minute. Requests of one second may be one person's.
func (r *route) rare(at, now instant, usual float64, o Options) bool {
	return r.Row == 2 && at.since(r.RowFrom) >= apart &&
		-2*math.Log(max(usual, o.Usual)) >= limit(r.between(now, o), partOfRuns)
}

// between is how many requests of the route may lie between two false alarms.
func (r *route) between(now instant, o Options) float64 {
	age := max(now.since(r.First).Seconds(), 1)
	hour := length(hour1).Seconds()
	seen := hour * -math.Expm1(-age/hour) // what of a fading hour the route was there
	return (float64(r.Windows[hour1].Requests) + float64(r.Bucket.Requests)) / seen * o.FalseAlarm.Seconds()
}

// tick reports the alarm if it opened, became worse or ended.
func (r *route) tick(now instant, o Options) (Alarm, bool) {
	switch r.State {
	case opening:
		r.State, r.Opened = alarmed, now
		return r.alarm(), true
	case worse:
		r.State = alarmed
		a := r.alarm()
		a.Worse = true
		return a, true
	case back:
		return r.end(false), true
	case alarmed:
		if r.Kind != Vanished && r.recovered(now, o) {
			return r.end(false), true
		}
		if now.since(r.Last) >= o.patience(r.Kind) {
			return r.end(true), true
		}
	case calm, states:
	}
	return Alarm{}, false
}

// due is when the next tick may have something to tell, provided that the state stays what it is.
// What happens meanwhile only puts it off.
func (r *route) due(o Options) instant {
	if r.State != alarmed {
		return 0
	}
	quiet := r.Last.add(o.patience(r.Kind))
	if r.Kind == Vanished {
		return quiet
	}
	since := r.Seen
	if r.ReliefFrom > 0 {
		since = min(since, r.ReliefFrom)
	}
	return min(quiet, max(since, r.Opened).add(o.Calm))
}

// patience is how long an alarm stays open without requests. Whoever asks where the traffic went has no
// use for an alarm that gives up after minutes.
func (o Options) patience(k Kind) time.Duration {
	if k == Vanished {
		return max(o.Quiet, forgetAfter)
	}
	return o.Quiet
}

// end closes the alarm and lets the route start afresh: errors that were told of are no slow burn.
func (r *route) end(quiet bool) Alarm {
	a := r.alarm()
	a.Ended, a.Quiet = true, quiet
	a.Blip = r.Kind != Vanished && a.To.Sub(a.From) < blip
	if r.Kind != Vanished {
		r.Sums, r.Since, r.SinceErrors, r.Gap, r.Row = cusums{}, 0, 0, 0, 0
		r.Bucket.Errors = 0
		r.Windows.forgive()
	}
	r.State = calm
	return a
}

// enoughSuccesses is how many requests must at least succeed before an alarm ends, so that a pause in
// traffic is not taken for recovery.
const enoughSuccesses = 3

// recovered: nothing has failed for as long as Calm, in so many requests that the share of the incident would have
// shown; or so little that it is usual, which takes more requests to prove. Without the time a thousand requests a second would prove
// it between two crashes.
func (r *route) recovered(now instant, o Options) bool {
	if r.Row > 0 || r.Gap < enoughSuccesses {
		return false
	}
	if now.since(max(r.Seen, r.Opened)) >= o.Calm {
		if success, _ := Evidence(float64(r.Failing), r.Usual.ratio(o)); float64(r.Gap)*success >= Recovered {
			return true
		}
	}
	if now.since(max(r.ReliefFrom, r.Opened)) < o.Calm || r.Gap < r.toRelieve {
		return false
	}
	sum, success, _ := r.relief(o)
	r.toRelieve = uint32(max(0, min((Recovered-float64(r.Relief))/success-1, maxBatch))) // one less: what is rounded must not count
	return sum >= Recovered
}

func (r *route) alarm() Alarm {
	return Alarm{
		Route: r.key, Object: r.object, Kind: r.Kind,
		From: r.From.time(), Opened: r.Opened.time(), To: max(r.From, r.LastError).time(), Heard: max(r.Opened, r.Seen).time(),
		Requests: int(r.Requests), Errors: int(r.Errors),
	}
}

// notAfter corrects stamps that lie in the future of a clock that was set back.
func (r *route) notAfter(now instant) {
	for _, i := range []*instant{&r.First, &r.Last, &r.Bucket.From, &r.RowFrom, &r.From, &r.Opened, &r.LastError, &r.Seen, &r.ReliefFrom, &r.Success, &r.Relieved} {
		*i = min(*i, now)
	}
	for i := range r.Sums.From {
		r.Sums.From[i] = min(r.Sums.From[i], now)
	}
}

// plus adds without wrapping around.
func plus(a uint32, n int) uint32 {
	return uint32(min(uint64(a)+uint64(max(n, 0)), math.MaxUint32))
}
