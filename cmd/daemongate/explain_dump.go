package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/dump"
	"github.com/daemongate/daemongate/rollout/judge"
	"github.com/daemongate/daemongate/rollout/report"
)

// dumpFlags is what explain is asked about.
type dumpFlags struct {
	files []string
	at    time.Time // zero: the newest in the dump
	only  string    // NAME or NAMESPACE/NAME of a DaemonSet; "" for all
}

// judge reads the files and judges each DaemonSet, at one look: nothing is remembered of an earlier one.
func (d *dumpFlags) judge(stdin io.Reader) ([]report.Judged, error) {
	read, err := d.read(stdin)
	if err != nil {
		return nil, err
	}
	var judged []report.Judged
	var names []string
	for _, one := range read.DaemonSets {
		name := one.Target.Namespace + "/" + one.Target.Name
		names = append(names, name)
		if d.only != "" && d.only != name && d.only != one.Target.Name {
			continue
		}
		j, _ := judge.Rollout(one.Look, one.Target, rollout.Memory{}, rollout.Options{})
		judged = append(judged, report.Judged{Target: one.Target, Look: one.Look, Judgement: j})
	}
	if len(judged) == 0 {
		return nil, fmt.Errorf("DaemonSet %s: not in the dump, which has %s", d.only, strings.Join(names, ", "))
	}
	return judged, nil
}

// read opens the files one after the other and closes them.
func (d *dumpFlags) read(stdin io.Reader) (dump.Dump, error) {
	var files []dump.File
	for _, name := range d.files {
		if name == "-" {
			if stdin == nil {
				return dump.Dump{}, errors.New("stdin: can be read only once, -f - was given twice")
			}
			files = append(files, dump.File{Name: "stdin", Reader: stdin})
			stdin = nil
			continue
		}
		f, err := os.Open(name)
		if err != nil {
			return dump.Dump{}, err
		}
		defer f.Close()
		files = append(files, dump.File{Name: name, Reader: f})
	}
	return dump.Read(d.at, files...)
}
