package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

// event is a line of `go test -json`: see `go doc test2json` and `go help buildjson`.
type event struct {
	Time       time.Time
	Action     string
	Package    string
	ImportPath string // what was built
	Test       string
	Output     string
}

// report prints what several `go test -json` say, a package at a time.
type report struct {
	mu       sync.Mutex
	out      io.Writer
	packages map[string]*testedPackage
	ended    []timed
}

// testedPackage is what was said of a package that is still being tested.
type testedPackage struct {
	said  strings.Builder // by no test
	tests map[string]*test
	order []string // of the tests, as they began
}

type test struct {
	said   strings.Builder
	result string // the line "--- FAIL: …"
	action string // how it ended: pass, fail or skip; empty if it did not
	began  time.Time
}

// timed is a test that ended. Its subtests are in its time, which they are not in what `go test` calls elapsed if they
// ran beside each other.
type timed struct {
	name, pkg string
	took      time.Duration
}

func newReport(out io.Writer) *report {
	return &report{out: out, packages: map[string]*testedPackage{}}
}

// read takes in the events of one `go test`. What is no event is printed as it is.
func (r *report) read(events io.Reader) error {
	lines := bufio.NewReader(events)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			r.take(line)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *report) take(line []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var e event
	if json.Unmarshal(line, &e) != nil {
		r.print(string(line))
		return
	}
	switch {
	case e.Action == "build-output":
		r.print(e.Output)
	case e.Package == "" || e.Action == "start":
	case e.Test == "":
		r.ofPackage(e)
	default:
		r.ofTest(e)
	}
}

func (r *report) print(text string) { _, _ = io.WriteString(r.out, text) }

func (r *report) tested(name string) *testedPackage {
	p := r.packages[name]
	if p == nil {
		p = &testedPackage{tests: map[string]*test{}}
		r.packages[name] = p
	}
	return p
}

// ofPackage prints a package when it has ended: of one that passed only its last line, as `go test` does.
func (r *report) ofPackage(e event) {
	p := r.tested(e.Package)
	switch e.Action {
	case "output":
		p.said.WriteString(e.Output)
		return
	case "pass", "skip":
		r.print(lastLine(p.said.String()))
	case "fail":
		p.printFailed(r.out)
	default:
		return
	}
	delete(r.packages, e.Package)
}

func lastLine(text string) string {
	text = strings.TrimSuffix(text, "\n")
	return text[strings.LastIndex(text, "\n")+1:] + "\n"
}

func (r *report) ofTest(e event) {
	p := r.tested(e.Package)
	t := p.tests[e.Test]
	if t == nil {
		t = &test{}
		p.tests[e.Test], p.order = t, append(p.order, e.Test)
	}
	switch e.Action {
	case "run", "cont":
		t.began = e.Time
	case "output":
		t.hear(e.Test, e.Output)
	case "pass", "fail", "skip":
		t.action = e.Action
		if t.action != "fail" {
			t.said.Reset()
		}
		if whole(e.Test) == e.Test && e.Action != "skip" {
			r.ended = append(r.ended, timed{e.Test, e.Package, e.Time.Sub(t.began)})
		}
	}
}

// hear keeps what a test said, but not that it ran, paused and went on. A test may quote the result of another one.
func (t *test) hear(name, text string) {
	switch {
	case strings.HasPrefix(text, "=== "):
	case strings.HasPrefix(strings.TrimLeft(text, " "), "--- FAIL: "+name+" ("):
		t.result = text
	default:
		t.said.WriteString(text)
	}
}

// printFailed prints the tests that failed or did not end, each below its result, and what no test said.
func (p *testedPackage) printFailed(out io.Writer) {
	// Subtests that were told at the same time as other tests belong to their own test all the same.
	began := map[string]int{}
	for i, name := range p.order {
		began[name] = i
	}
	slices.SortStableFunc(p.order, func(a, b string) int { return began[whole(a)] - began[whole(b)] })
	for _, name := range p.order {
		t := p.tests[name]
		switch t.action {
		case "fail":
			_, _ = fmt.Fprint(out, t.result, t.said.String())
		case "":
			_, _ = fmt.Fprintf(out, "--- FAIL: %s (did not end)\n%s", name, t.said.String())
		}
	}
	_, _ = io.WriteString(out, p.said.String())
}

// whole is the test that a subtest is part of.
func whole(name string) string {
	name, _, _ = strings.Cut(name, "/")
	return name
}

// table prints the tests that took the longest. Those that are told beside others waited for them too.
func (r *report) table(most int) {
	slices.SortStableFunc(r.ended, func(a, b timed) int { return cmp.Compare(b.took, a.took) })
	slow := r.ended[:min(most, len(r.ended))]
	if len(slow) == 0 || slow[0].took < 10*time.Millisecond {
		return
	}
	_, _ = fmt.Fprintf(r.out, "\nThe %d slowest of %d tests:\n", len(slow), len(r.ended))
	w := tabwriter.NewWriter(r.out, 0, 0, 2, ' ', 0)
	for _, t := range slow {
		_, _ = fmt.Fprintf(w, "%7.1f s\t%s\t%s\n", t.took.Seconds(), t.name, t.pkg)
	}
	_ = w.Flush()
}
