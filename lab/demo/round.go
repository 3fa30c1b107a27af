package demo

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/gatemend/gatemend/lab/fault"
	"github.com/gatemend/gatemend/lab/load"
	"github.com/gatemend/gatemend/lab/manifest"
)

// The traffic of one fault, and how long each part of it may take.
const (
	rate       = 40 // requests per second and route
	roundLimit = 4 * time.Minute
	mendLimit  = 150 * time.Second // from injection to proof
	calmFor    = 3 * time.Second   // without any client error, before and after
	healed     = 30 * time.Second  // the same where nobody has mended it: a crashing pod serves now and then, and HAProxy retries for 16 s and more
	stays      = 20 * time.Second  // after a person was called: gatemend looks again, and must go on leaving it alone
	pollEvery  = 100 * time.Millisecond
)

// round breaks the shop in one way, waits until gatemend has mended it, and restores the rest.
func (d *demo) round(ctx context.Context, f fault.Fault) (Result, error) {
	title := fmt.Sprintf("%s: %s (on %s, %s)", f.Name, f.Title, f.Gateway, f.Route)
	silent := func() (bool, error) {
		err := d.events.poll()
		return !alarmed(d.events.all), err
	}
	return d.under(ctx, f, title, silent, func(r *Result, reports []load.Report, injected time.Time) (bool, error) {
		if err := d.events.poll(); err != nil {
			return false, err
		}
		r.fromEvents(d.events.after(injected), affected(reports))
		if f.Person {
			left := !r.Called.IsZero() && time.Since(r.Called) > stays
			return left && (!f.Passing || time.Since(r.LastError) > healed), nil
		}
		return !r.Verified.IsZero() && calm(reports), nil
	})
}

// under breaks the shop under traffic, once all routes answer well and ready says so, and returns when over says that it is:
// what clients met until then is in the result already. The shop is left as it is.
func (d *demo) under(ctx context.Context, f fault.Fault, title string, ready func() (bool, error), over func(r *Result, reports []load.Report, injected time.Time) (bool, error)) (Result, error) {
	result := Result{Fault: f}
	run, err := load.Start(ctx, d.cluster.DialContext, d.targets, load.Limits{
		Rate: rate, Count: int(rate * roundLimit.Seconds()), Duration: roundLimit,
	})
	if err != nil {
		return result, err
	}
	defer run.Stop()
	if err := d.await(ctx, "every route to answer well", mendLimit, func() (bool, error) {
		ok, err := ready()
		return ok && calm(run.Report()), err
	}); err != nil {
		return result, fmt.Errorf("before %s: %w", f.Name, err)
	}

	d.headline("%s", title)
	logged, err := d.audit.end()
	if err != nil {
		return result, err
	}
	run.Anew() // an error of the time before, when the routes came to answer well, is none of the fault's
	injected := time.Now()
	broken := make(chan error, 1)
	go func() { broken <- f.Inject(ctx, d.client) }()

	err = d.await(ctx, f.Name+" to be over", mendLimit, func() (bool, error) {
		select {
		case err := <-broken:
			if err != nil {
				return false, fmt.Errorf("inject %s: %w", f.Name, err)
			}
			broken = nil
		default:
		}
		reports := run.Report()
		result.fromClients(reportOf(reports, f.Route), injected)
		return over(&result, reports, injected)
	})
	if ctx.Err() != nil {
		return result, context.Cause(ctx)
	}
	if err != nil {
		d.say("%v", err)
	}
	if result.Wrote, err = d.audit.wrote(logged); err != nil {
		return result, err
	}
	if result.Unlogged, err = d.unlogged(ctx, f, injected); err != nil {
		return result, err
	}
	return result, nil
}

// restore brings the shop back to its manifest after a fault.
func (d *demo) restore(ctx context.Context, f fault.Fault) error {
	if err := f.Restore(ctx, d.client); err != nil {
		return fmt.Errorf("restore after %s: %w", f.Name, err)
	}
	return nil
}

// await polls until a condition holds, within a limit. It also ends when gatemend does, if that
// was started.
func (d *demo) await(ctx context.Context, what string, limit time.Duration, holds func() (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("waited %s for %s", limit, what))
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		ok, err := holds()
		if err != nil || ok {
			return err
		}
		if d.gatemend != nil {
			if err := d.gatemend.ended(); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// calm reports whether all targets have been answered without an error for a while.
func calm(reports []load.Report) bool {
	for _, r := range reports {
		if !calmTarget(r) {
			return false
		}
	}
	return true
}

func calmTarget(r load.Report) bool {
	if len(r.Seconds) == 0 {
		return false
	}
	quiet := r.Seconds[0].At // since the first answer, or the last error
	if r.LastError.After(quiet) {
		quiet = r.LastError
	}
	return r.LastGood.Sub(quiet) >= calmFor
}

// alarmed reports whether an alarm is still open: a new fault on the same route would be part of it.
func alarmed(all []event) bool {
	open := map[string]bool{}
	for _, e := range all {
		switch e.Type {
		case "alarm":
			open[e.Route] = true
		case "calm":
			delete(open, e.Route)
		}
	}
	return len(open) > 0
}

func reportOf(reports []load.Report, host string) load.Report {
	for _, r := range reports {
		if r.Target.Host == host {
			return r
		}
	}
	return load.Report{}
}

// fromClients fills in what the route's clients met since the injection.
func (r *Result) fromClients(rep load.Report, injected time.Time) {
	r.FirstError, r.LastError = rep.FirstError, rep.LastError
	r.Requests, r.Errors = rep.Since(injected.Truncate(time.Second))
	most := 0
	for status, n := range rep.Status {
		if status >= 500 && n > most {
			r.Status, most = status, n
		}
	}
	r.Calm = calmTarget(rep)
}

// affected gives the hosts whose clients got errors: two routes may lead to one Service, and what
// mends it for one of them mends it for both.
func affected(reports []load.Report) []string {
	var hosts []string
	for _, r := range reports {
		if !r.FirstError.IsZero() {
			hosts = append(hosts, r.Target.Host)
		}
	}
	return hosts
}

// fromEvents fills in what gatemend said about the affected hosts.
func (r *Result) fromEvents(events []event, hosts []string) {
	for _, e := range events {
		if !slices.Contains(hosts, hostOf(e.Route)) {
			continue
		}
		switch {
		case e.Type == "alarm" && r.Alarm.IsZero():
			r.Alarm = e.At
		case e.Type == "diagnosis" && r.Cause == "" && e.Diagnosis != nil && len(e.Diagnosis.Causes) > 0:
			first := e.Diagnosis.Causes[0]
			r.Cause = first.ID
			r.Object = fmt.Sprintf("%s %s/%s", first.Object.Kind, first.Object.Namespace, first.Object.Name)
		case e.Type == "mend" && e.Step == "planned":
			r.Planned = true
		case e.Type == "mend" && e.Step == "mended":
			r.Verified = e.At
		case e.Type == "mend" && (e.Step == "advice" || e.Step == "refused") && r.Called.IsZero():
			r.Called = e.At
		}
	}
}

// targetsOf lists one target per route of the shop.
func targetsOf(ctx context.Context, c *manifest.Client) ([]load.Target, error) {
	var out []load.Target
	for _, g := range manifest.Gateways() {
		address, err := c.Address(ctx, g)
		if err != nil {
			return nil, err
		}
		for _, host := range g.Hosts {
			out = append(out, load.Target{Name: g.Name + " " + host, Address: address, Host: host, Path: "/"})
		}
	}
	return out, nil
}
