package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/printer"
)

// History is a history of incidents.
type History interface {
	// List gives incidents without their timelines, the one noticed last first.
	List(ctx context.Context, q HistoryQuery) ([]model.Incident, error)
	// Get gives an incident with all that belongs to it.
	Get(ctx context.Context, cluster, id string) (model.Incident, error)
	Close() error
}

// HistoryQuery says which incidents are looked for. What is not set does not count.
type HistoryQuery struct {
	Cluster string
	ID      string
	Phases  []model.Phase
	Cause   model.CauseID
	Route   string
	Since   time.Time
	Until   time.Time
	Limit   int
}

const historyLong = `Read the history of incidents that the controller keeps: what failed, why, who decided, what was changed.

--store names it: a file (SQLite), or a database (PostgreSQL) by its DSN, such as
postgres://reader@db.example.com/gatemend. Keep a password out of it: PGPASSFILE, ~/.pgpass and PGPASSWORD are read.
Nothing is written.`

func newHistory(env Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "history",
		Short: "Read the history of incidents",
		Long:  historyLong,
	}
	cmd.AddCommand(newHistoryList(env), newHistoryShow(env))
	return cmd
}

// historyOptions are what both commands have in common.
type historyOptions struct {
	env     Env
	store   string
	cluster string
	format  outputFlags
}

func (o *historyOptions) add(f *pflag.FlagSet) {
	o.format.add(f, outputText, outputJSON, outputYAML)
	f.StringVar(&o.store, "store", "", "the history: a file, or a DSN of PostgreSQL")
	f.StringVar(&o.cluster, "cluster-name", "", "only incidents of this cluster, where several share the history")
}

func (o *historyOptions) validate() error {
	if o.store == "" {
		return usagef("for example: gatemend history list --store history.db", "--store is missing")
	}
	return o.format.validate()
}

func (o *historyOptions) print(doc any, text func() error) error {
	switch o.format.output {
	case outputJSON:
		return printer.JSON(o.env.Out, doc)
	case outputYAML:
		return printer.YAML(o.env.Out, doc)
	default:
		return text()
	}
}

type historyListOptions struct {
	historyOptions
	phases []string
	open   bool
	cause  string
	route  string
	since  time.Duration
	limit  int
}

func newHistoryList(env Env) *cobra.Command {
	o := &historyListOptions{historyOptions: historyOptions{env: env}}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List incidents, the newest first",
		Example: `  gatemend history list --store history.db --since 24h
  gatemend history list --store postgres://reader@db.example.com/gatemend --cluster-name eu-1 --open`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q, err := o.query()
			if err != nil {
				return err
			}
			return o.run(cmd.Context(), q)
		},
	}
	f := cmd.Flags()
	o.add(f)
	f.StringSliceVar(&o.phases, "phase", nil, "only incidents in these phases, such as Escalated,Undone")
	f.BoolVar(&o.open, "open", false, "only incidents that go on")
	f.StringVar(&o.cause, "cause", "", "only incidents of this cause, such as target-port-mismatch")
	f.StringVar(&o.route, "route", "", "only incidents on this route, such as shop.example.com/cart")
	f.DurationVar(&o.since, "since", 0, "only incidents noticed in this time, such as 24h")
	f.IntVar(&o.limit, "limit", 50, "how many incidents at most")
	return cmd
}

func (o *historyListOptions) query() (HistoryQuery, error) {
	q := HistoryQuery{Cluster: o.cluster, Cause: model.CauseID(o.cause), Route: o.route, Limit: o.limit}
	if err := o.validate(); err != nil {
		return q, err
	}
	switch {
	case o.limit < 1:
		return q, usagef("leave it out for 50", "--limit %d", o.limit)
	case o.since < 0:
		return q, usagef("for example --since 24h", "--since %v", o.since)
	case o.open && len(o.phases) > 0:
		return q, usagef("give one of them", "--open and --phase exclude each other")
	}
	if o.since > 0 {
		q.Since = o.env.Now().Add(-o.since)
	}
	for _, name := range o.phases {
		i := slices.IndexFunc(model.Phases(), func(p model.Phase) bool { return strings.EqualFold(string(p), name) })
		if i < 0 {
			return q, usagef("the phases are "+phaseNames(), "--phase %s", name)
		}
		q.Phases = append(q.Phases, model.Phases()[i])
	}
	if o.open {
		q.Phases = slices.DeleteFunc(model.Phases(), model.Phase.Ended)
	}
	return q, nil
}

func phaseNames() string {
	names := make([]string, 0, len(model.Phases()))
	for _, p := range model.Phases() {
		names = append(names, string(p))
	}
	return strings.Join(names, ", ")
}

func (o *historyListOptions) run(ctx context.Context, q HistoryQuery) (err error) {
	history, err := o.env.OpenHistory(o.store)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, history.Close()) }()
	found, err := history.List(ctx, q)
	if err != nil {
		return err
	}
	return o.print(printer.Incidents(found), func() error {
		return printer.IncidentTable(printer.PlainWriter(o.env.Out), found, o.env.Now())
	})
}

func newHistoryShow(env Env) *cobra.Command {
	o := &historyOptions{env: env}
	cmd := &cobra.Command{
		Use:     "show ID",
		Short:   "Show an incident with its timeline, decisions and changes",
		Example: "  gatemend history show shop-cart-7f3a --store history.db",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("'gatemend history list' names them", "which incident is to be shown?")
			}
			return maxArgs(1)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.validate(); err != nil {
				return err
			}
			return o.show(cmd.Context(), args[0])
		},
	}
	o.add(cmd.Flags())
	return cmd
}

func (o *historyOptions) show(ctx context.Context, id string) (err error) {
	history, err := o.env.OpenHistory(o.store)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, history.Close()) }()
	cluster := o.cluster
	if cluster == "" {
		if cluster, err = onlyCluster(ctx, history, id); err != nil {
			return err
		}
	}
	i, err := history.Get(ctx, cluster, id)
	if err != nil {
		return err
	}
	return o.print(i, func() error {
		return printer.Incident(printer.PlainWriter(o.env.Out), i, o.format.style(o.env.Terminal), o.env.Now())
	})
}

// onlyCluster finds the cluster of an incident that was named without one.
func onlyCluster(ctx context.Context, h History, id string) (string, error) {
	found, err := h.List(ctx, HistoryQuery{ID: id})
	if err != nil {
		return "", err
	}
	switch len(found) {
	case 0:
		return "", &HintedError{Err: fmt.Errorf("there is no incident %s in the history", id), Hint: "'gatemend history list' names them"}
	case 1:
		return found[0].Cluster, nil
	}
	names := make([]string, 0, len(found))
	for _, i := range found {
		names = append(names, i.Cluster)
	}
	return "", usagef("name one with --cluster-name: "+strings.Join(names, ", "), "incident %s is in %d clusters", id, len(found))
}
