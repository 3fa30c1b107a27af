package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatemend/gatemend/internal/detect"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/printer"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/all"
	"github.com/gatemend/gatemend/internal/tally"
	"github.com/gatemend/gatemend/internal/watch"
)

const logsLong = `Count what gateways' logs say: requests by route, status and kind of failure, when, how long, and
which upstreams failed. Counts are exact; p50 and p99 are within 4 %.

Reads files, folders, and - or nothing for standard input; gzip, Zstandard, and what a container runtime
put around lines. Rotated files of one log are read in their order. The form is found out; --format
names it where that fails. Lines of an error log are joined to their requests, also where they have a file
of their own: then to those of all logs in the same folder. Alarms are those that 'gatemend watch' would
have raised, in the log's own time.

With -f, goes on with what is written, across rotation, until Ctrl-C.

Needs neither a cluster nor a network.`

type logsOptions struct {
	env    Env
	format outputFlags
	form   string
	since  string
	until  string
	follow bool

	count LogCount
}

func newLogs(env Env) *cobra.Command {
	o := &logsOptions{env: env}
	cmd := &cobra.Command{
		Use:   "logs [FILE|FOLDER|-]...",
		Short: "Count what gateways' logs say: what failed, where, when and how",
		Long:  logsLong,
		Example: `  gatemend logs access.log
  gatemend logs /var/log/containers --since 1h
  kubectl logs -n ingress-nginx deploy/ingress-nginx-controller | gatemend logs
  gatemend logs -o json access.log.2.gz access.log.1 access.log
  gatemend logs -f access.log`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.format.validate(outputText, outputWide, outputJSON, outputYAML); err != nil {
				return err
			}
			if err := o.complete(args); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	f := cmd.Flags()
	o.format.add(f, outputText, outputWide, outputJSON, outputYAML)
	f.StringVar(&o.form, "format", "auto", "what the logs are written in: "+strings.Join(all.FormatNames(), ", ")+"; or nginx:, haproxy: or envoy: with a format of that proxy's configuration after it")
	f.BoolVarP(&o.follow, "follow", "f", false, "go on with what is written, and say when something begins to fail")
	f.StringVar(&o.since, "since", "", "count requests from this time on: 2026-03-14T09:26:00Z, or 1h for an hour ago")
	f.StringVar(&o.until, "until", "", "count requests before this time")
	return cmd
}

func (o *logsOptions) complete(args []string) error {
	now := o.env.Now()
	c := &o.count
	c.Paths, c.In, c.Follow = args, o.env.In, o.follow
	if len(args) == 0 {
		if o.env.Terminal.In {
			return usagef("for example: "+o.env.Program+" logs access.log", "no log is given, and standard input is a terminal")
		}
		c.Paths = []string{"-"}
	}
	var err error
	if c.Options.Since, err = moment("--since", o.since, now); err != nil {
		return err
	}
	if c.Options.Until, err = moment("--until", o.until, now); err != nil {
		return err
	}
	if s, u := c.Options.Since, c.Options.Until; !s.IsZero() && !u.IsZero() && !s.Before(u) {
		return usagef("", "--since %s is not before --until %s", o.since, o.until)
	}
	if o.form == "auto" || o.form == "" {
		return nil
	}
	if _, err := all.ParserFor(o.form); err != nil {
		return usagef("", "--format: %v", err)
	}
	c.Options.Format = o.form
	c.Options.Parser = func() proxy.Parser {
		p, _ := all.ParserFor(o.form) // it was made before
		return p
	}
	return nil
}

// moment reads a time, or a length of time before now; nothing is no time.
func moment(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, usagef("give a time such as 2026-03-14T09:26:00Z, or a length of time such as 90m", "%s %q", flag, text)
}

func (o *logsOptions) run(ctx context.Context) error {
	var failed error
	tell := func(e printer.EventDoc) {
		if failed == nil {
			failed = o.tell(e)
		}
	}
	if o.follow {
		o.count.Notify = tally.Notify{
			Alarm:  func(a detect.Alarm) { tell(watch.AlarmDoc(a, a.Opened)) },
			Lately: func(l tally.Lately) { tell(latelyDoc(l)) },
		}
	}
	report, err := o.env.CountLogs(ctx, o.count)
	if err != nil {
		return err
	}
	if failed != nil {
		return failed
	}
	if err := o.print(report); err != nil {
		return err
	}
	return verdict(report, o.since != "" || o.until != "")
}

func latelyDoc(l tally.Lately) printer.EventDoc {
	doc := printer.NewEvent(printer.EventCounted, l.At, printer.Share(l.Requests, l.Errors))
	doc.Requests, doc.Errors = l.Requests, l.Errors
	return doc
}

func (o *logsOptions) tell(e printer.EventDoc) error {
	if o.format.output == outputJSON {
		return printer.JSONLine(o.env.Out, e)
	}
	return printer.Event(o.env.Out, e, o.format.style(o.env.Terminal))
}

func (o *logsOptions) print(r model.LogReport) error {
	switch {
	case o.format.output == outputJSON && o.follow:
		return printer.JSONLine(o.env.Out, r)
	case o.format.output == outputJSON:
		return printer.JSON(o.env.Out, r)
	case o.format.output == outputYAML:
		return printer.YAML(o.env.Out, r)
	default:
		return printer.LogReport(o.env.Out, r, o.format.style(o.env.Terminal))
	}
}

// verdict is the exit status of a report: what failed comes first, then what nobody could read. Nothing in a log is no proof
// that all is well: who was to fill a pipe may have failed. Nor is a log of another time than the one that was asked for, or one
// most of which is in another form.
func verdict(r model.LogReport, bounded bool) error {
	switch {
	case r.Errors > 0:
		return errWrong
	case len(r.Unread) > 0:
		return &HintedError{Err: errBlind, Hint: r.Unread[0].What + ": " + r.Unread[0].Why}
	case r.Lines == 0:
		return &HintedError{Err: errNothing, Hint: "see whether what writes it, or was to be piped in, works"}
	case r.Events > 0 && r.Format == "":
		return &HintedError{Err: errNoRequest, Hint: "if it is a gateway's log, say whose with --format: " + strings.Join(all.FormatNames(), ", ")}
	case r.Lines > 0 && r.Format == "":
		return &HintedError{Err: errNoForm, Hint: "name its form with --format: " + strings.Join(all.FormatNames(), ", ")}
	case bounded && r.Undated > 0:
		return &HintedError{Err: errBlind, Hint: fmt.Sprintf("%d lines bear no time, which --since and --until go by", r.Undated)}
	case r.Requests == 0 && r.Outside > 0:
		return &HintedError{Err: errOutside, Hint: "without --since and --until the log says of which time it is"}
	case r.Bad > r.Parsed:
		return &HintedError{Err: errBlind, Hint: fmt.Sprintf("%d of %d lines are in no known form: say whose they are with --format", r.Bad, r.Lines)}
	default:
		return nil
	}
}
