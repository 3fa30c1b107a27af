package printer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"sigs.k8s.io/yaml"

	"github.com/gatemend/gatemend/internal/model"
)

// JSON writes a document of the output contract, indented, with a line end.
func JSON(w io.Writer, doc any) error {
	data, err := encode(doc, "  ")
	if err != nil {
		return err
	}
	return write(w, data)
}

// JSONLine writes a document on one line, for streams.
func JSONLine(w io.Writer, doc any) error {
	data, err := encode(doc, "")
	if err != nil {
		return err
	}
	return write(w, data)
}

// YAML writes the same document as [JSON] in YAML.
func YAML(w io.Writer, doc any) error {
	data, err := encode(doc, "")
	if err != nil {
		return err
	}
	if data, err = yaml.JSONToYAML(data); err != nil {
		return fmt.Errorf("encode yaml: %w", err)
	}
	return write(w, data)
}

// encode makes JSON in which '<' stays '<' and lists that the contract promises are never null.
func encode(doc any, indent string) ([]byte, error) {
	switch d := doc.(type) {
	case model.Diagnosis:
		doc = wholeDiagnosis(d)
	case model.Plan:
		doc = wholePlan(d)
	case DiagnosisList:
		d.Items = each(d.Items, wholeDiagnosis)
		doc = d
	case EventDoc:
		doc = wholeEvent(d)
	case model.LogReport:
		doc = wholeLogReport(d)
	case model.Incident:
		doc = wholeIncident(d)
	case IncidentList:
		d.Items = each(d.Items, wholeIncident)
		doc = d
	}
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(doc); err != nil {
		return nil, fmt.Errorf("encode json: %w", err)
	}
	return buf.Bytes(), nil
}

func write(w io.Writer, data []byte) error {
	if _, err := w.Write(data); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}

// DiagnosisList is what several targets give as data.
type DiagnosisList struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Items      []model.Diagnosis `json:"items"`
}

// Diagnoses makes a document of several diagnoses.
func Diagnoses(items []model.Diagnosis) DiagnosisList {
	return DiagnosisList{APIVersion: model.APIVersion, Kind: model.KindDiagnosis + "List", Items: items}
}

// wholeLogReport is r with every list and table of the contract present.
func wholeLogReport(r model.LogReport) model.LogReport {
	r.Routes = each(r.Routes, same)
	r.Alarms = each(r.Alarms, same)
	r.Upstreams = each(r.Upstreams, same)
	r.Slowest = each(r.Slowest, same)
	r.Samples = each(r.Samples, same)
	r.BadLines = each(r.BadLines, same)
	r.Unread = each(r.Unread, same)
	r.Timeline.Parts = each(r.Timeline.Parts, same)
	return r
}

func wholeEvent(e EventDoc) EventDoc {
	if e.Diagnosis != nil {
		d := wholeDiagnosis(*e.Diagnosis)
		e.Diagnosis = &d
	}
	if e.Plan != nil {
		p := wholePlan(*e.Plan)
		e.Plan = &p
	}
	return e
}

// wholeDiagnosis is d with every list of the contract present.
func wholeDiagnosis(d model.Diagnosis) model.Diagnosis {
	d.Traces = each(d.Traces, wholeTrace)
	d.Observed = each(d.Observed, same)
	d.Causes = each(d.Causes, wholeFinding)
	d.AlsoWrong = each(d.AlsoWrong, wholeFinding)
	d.RuledOut = each(d.RuledOut, same)
	d.Unknown = each(d.Unknown, same)
	d.Changes = each(d.Changes, same)
	d.Remedies = each(d.Remedies, wholeRemedy)
	return d
}

func wholePlan(p model.Plan) model.Plan {
	p.Finding = wholeFinding(p.Finding)
	p.Remedy = wholeRemedy(p.Remedy)
	p.Faults = each(p.Faults, func(f model.Fault) model.Fault {
		return model.Fault{Finding: wholeFinding(f.Finding), Remedy: wholeRemedy(f.Remedy), Together: f.Together}
	})
	p.Before = each(p.Before, wholeTrace)
	p.After = each(p.After, wholeTrace)
	return p
}

func wholeTrace(t model.Trace) model.Trace {
	t.Hops = each(t.Hops, same)
	return t
}

func wholeFinding(f model.Finding) model.Finding {
	f.Evidence = each(f.Evidence, same)
	return f
}

func wholeRemedy(r model.Remedy) model.Remedy {
	r.Changes = each(r.Changes, same)
	r.Undo = each(r.Undo, same)
	return r
}

// each gives a copy of a list with f applied, [] for none.
func each[T any](list []T, f func(T) T) []T {
	whole := make([]T, len(list))
	for i, v := range list {
		whole[i] = f(v)
	}
	return whole
}

func same[T any](v T) T { return v }
