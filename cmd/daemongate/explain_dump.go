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

// judge reads the files and judges each DaemonSet, at one look: nothing is remembered of an earlier one.
func (d *dump) judge(stdin io.Reader) ([]rollout.Judged, error) {
	read, err := d.read(stdin)
	if err != nil {
		return nil, err
	}
	var judged []rollout.Judged
	var names []string
	for _, one := range read.DaemonSets {
		name := one.Target.Namespace + "/" + one.Target.Name
		names = append(names, name)
		if d.only != "" && d.only != name && d.only != one.Target.Name {
			continue
		}
		j, _ := rollout.Judge(one.Look, one.Target, rollout.Memory{}, rollout.Options{})
		judged = append(judged, rollout.Judged{Target: one.Target, Look: one.Look, Judgement: j})
	}
	if len(judged) == 0 {
		return nil, fmt.Errorf("DaemonSet %s: not in the dump, which has %s", d.only, strings.Join(names, ", "))
	}
	return judged, nil
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
