package demo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/gatemend/gatemend/lab/fault"
)

// kept is one line of the file in which measurements are kept: a run of a fault.
type kept struct {
	Fault  string `json:"fault"`
	Alone  bool   `json:"alone,omitempty"` // without gatemend
	Result Result `json:"result"`
}

// keep appends a run to a file, so that a measurement that is cut off loses one run at most. An empty path
// keeps nothing.
func keep(path string, k kept) error {
	if path == "" {
		return nil
	}
	line, err := json.Marshal(k)
	if err != nil {
		return fmt.Errorf("keep a run: %w", err)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("keep a run: %w", err)
	}
	if _, err := f.Write(append(line, '\n')); err != nil {
		return errors.Join(fmt.Errorf("keep a run: %w", err), f.Close())
	}
	return f.Close()
}

// Kept reads the runs of some faults from the file in which [Measure] kept them: in the order of the faults, all
// of them also without a run. A line that was cut off at the end is left out.
func Kept(path string, faults []fault.Fault) ([]Measured, error) {
	all := make([]Measured, len(faults))
	at := map[string]int{}
	for i, f := range faults {
		all[i].Fault, at[f.Name] = f, i
	}
	if path == "" {
		return all, nil
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what was measured: %w", err)
	}
	for line := range bytes.Lines(data[:bytes.LastIndexByte(data, '\n')+1]) {
		var k kept
		if err := json.Unmarshal(line, &k); err != nil {
			return nil, fmt.Errorf("read what was measured: %s: %w", path, err)
		}
		i, wanted := at[k.Fault]
		if !wanted {
			continue
		}
		k.Result.Fault = faults[i]
		if k.Alone {
			all[i].Alone = append(all[i].Alone, k.Result)
		} else {
			all[i].Runs = append(all[i].Runs, k.Result)
		}
	}
	return all, nil
}
