package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/daemongate/daemongate/rollout"
)

// dump is what explain is asked about.
type dump struct {
	files []string
	at    time.Time // zero: the newest in the dump
	only  string    // NAME or NAMESPACE/NAME of a DaemonSet; "" for all
}

// explain reads the files and judges each DaemonSet, at one look: nothing is remembered of an earlier one.
func (d *dump) explain(stdin io.Reader) (explanation, error) {
	read, err := d.read(stdin)
	if err != nil {
		return explanation{}, err
	}
	e := explanation{Verdict: rollout.Complete, Time: read.Now, DaemonSets: []explained{}}
	var names []string
	for _, one := range read.DaemonSets {
		name := one.Target.Namespace + "/" + one.Target.Name
		names = append(names, name)
		if d.only != "" && d.only != name && d.only != one.Target.Name {
			continue
		}
		j, _ := rollout.Judge(one.Look, one.Target, rollout.Memory{}, rollout.Options{})
		e.DaemonSets = append(e.DaemonSets, newExplained(name, j, one.Look.Missing))
		e.Verdict = worse(e.Verdict, j.Verdict)
	}
	if len(e.DaemonSets) == 0 {
		return explanation{}, fmt.Errorf("DaemonSet %s: not in the dump, which has %s", d.only, strings.Join(names, ", "))
	}
	return e, nil
}

// read opens the files one after the other and closes them.
func (d *dump) read(stdin io.Reader) (rollout.Dump, error) {
	var files []rollout.DumpFile
	for _, name := range d.files {
		if name == "-" {
			if stdin == nil {
				return rollout.Dump{}, errors.New("stdin: can be read only once, -f - was given twice")
			}
			files = append(files, rollout.DumpFile{Name: "stdin", Reader: stdin})
			stdin = nil
			continue
		}
		f, err := os.Open(name)
		if err != nil {
			return rollout.Dump{}, err
		}
		defer f.Close()
		files = append(files, rollout.DumpFile{Name: name, Reader: f})
	}
	return rollout.ReadDump(d.at, files...)
}
