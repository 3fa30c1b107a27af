package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatemend/gatemend/internal/catalogue"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/printer"
)

const explainLong = `Explain a cause, or a line that a gateway logged.

Without arguments, lists every cause by family. With the id of a cause, prints what it means, how
gatemend knows, what usually causes it and how to fix it. With any other text, or with - and text on
stdin, looks for the words of a proxy in it and says what they mean and what may be behind them.

Needs neither a cluster nor a network.`

// explainLimit bounds what is read from stdin.
const explainLimit = 1 << 20

type explainOptions struct {
	env    Env
	format outputFlags
	text   string
}

func newExplain(env Env) *cobra.Command {
	o := &explainOptions{env: env}
	cmd := &cobra.Command{
		Use:   "explain [CAUSE | TEXT | -]",
		Short: "Explain a cause, or an error line of a gateway",
		Long:  explainLong,
		Example: `  gatemend explain
  gatemend explain target-port-mismatch
  gatemend explain 'upstream prematurely closed connection while reading response header from upstream'
  kubectl logs -n ingress-nginx deploy/ingress-nginx-controller | gatemend explain -`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.format.validate(); err != nil {
				return err
			}
			if err := o.complete(cmd.InOrStdin(), args); err != nil {
				return err
			}
			return o.run()
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return causeIDs(), cobra.ShellCompDirectiveNoFileComp
		},
	}
	o.format.add(cmd.Flags(), outputText, outputJSON, outputYAML)
	return cmd
}

func (o *explainOptions) complete(stdin io.Reader, args []string) error {
	o.text = strings.TrimSpace(strings.Join(args, " "))
	if o.text != "-" {
		return nil
	}
	data, err := io.ReadAll(io.LimitReader(stdin, explainLimit))
	if err != nil {
		return fmt.Errorf("read stdin: %w", err)
	}
	if o.text = strings.TrimSpace(string(data)); o.text == "" {
		return usagef("paste an error line, or give it as an argument", "stdin is empty")
	}
	return nil
}

func (o *explainOptions) run() error {
	if o.text == "" {
		return o.list()
	}
	if c, ok := catalogue.Lookup(model.CauseID(strings.ToLower(o.text))); ok {
		return o.cause(c)
	}
	ms := printer.Matches{APIVersion: model.APIVersion, Kind: printer.KindExplanation, Matches: recognise(o.text)}
	if len(ms.Matches) == 0 && idForm(o.text) {
		return usagef(nearCauses(o.text), "no cause has the id %q", o.text)
	}
	if err := o.print(ms, func() error { return printer.Explanation(o.env.Out, ms, o.format.style(o.env.Terminal)) }); err != nil {
		return err
	}
	if len(ms.Matches) == 0 {
		return &HintedError{Err: errNotRecognised, Hint: "paste whole lines of a gateway's access or error log; 'gatemend explain' lists all causes"}
	}
	return nil
}

var errNotRecognised = errors.New("no proxy's words were recognised in that text")

// idForm reports whether text looks like an id of the catalogue rather than like a log line.
func idForm(text string) bool {
	return regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)+$`).MatchString(text)
}

func causeIDs() []string {
	var ids []string
	for _, c := range catalogue.Causes() {
		ids = append(ids, string(c.ID))
	}
	return ids
}

// nearCauses is a hint for an id that no cause has: those that are spelled like it, else those that have the most of its words.
func nearCauses(id string) string {
	ids := causeIDs()
	if hint := didYouMean(near(id, ids)); hint != "" {
		return hint
	}
	squeezed := strings.ReplaceAll(id, "-", "")
	shared := func(known string) (letters int) {
		for word := range strings.SplitSeq(known, "-") {
			if len(word) > 3 && strings.Contains(squeezed, word) { // shorter ones are in any word
				letters += len(word)
			}
		}
		return letters
	}
	most := 0
	var alike []string
	for _, known := range ids {
		switch n := shared(known); {
		case n > most:
			most, alike = n, []string{known}
		case n == most && n > 0:
			alike = append(alike, known)
		}
	}
	return cmp.Or(didYouMean(alike[:min(len(alike), 3)]), "'gatemend explain' lists all causes")
}

func (o *explainOptions) list() error {
	causes := catalogue.Causes()
	return o.print(printer.NewCauses(causes), func() error {
		return printer.CauseList(o.env.Out, catalogue.Families(), causes, o.format.style(o.env.Terminal))
	})
}

func (o *explainOptions) cause(c catalogue.Cause) error {
	return o.print(printer.NewCauses([]catalogue.Cause{c}), func() error { return printer.Cause(o.env.Out, c, o.format.style(o.env.Terminal)) })
}

func (o *explainOptions) print(doc any, text func() error) error {
	switch o.format.output {
	case outputJSON:
		return printer.JSON(o.env.Out, doc)
	case outputYAML:
		return printer.YAML(o.env.Out, doc)
	default:
		return text()
	}
}
