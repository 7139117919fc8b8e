package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
)

// tally counts what all runs came by.
type tally struct {
	out io.Writer

	mu           sync.Mutex
	runs, failed int
	steps        map[step]int
	played       played
}

// add counts a run, and prints what there is to say of it.
func (t *tally) add(o outcome, fine bool, text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.runs++
	if !fine {
		t.failed++
	}
	for _, s := range o.steps {
		t.steps[s]++
	}
	for h, n := range o.played {
		t.played[h] += n
	}
	_, _ = io.WriteString(t.out, text)
}

// print says which steps there were, and what went wrong at them how often.
func (t *tally) print() {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := slices.AppendSeq(slices.Clone(everyStep), maps.Keys(t.steps))
	slices.Sort(all)
	for _, s := range slices.Compact(all) {
		_, _ = fmt.Fprintf(t.out, "%-20s %5d steps in %d runs:", s, t.steps[s], t.runs)
		for _, k := range slices.Concat(ofTheWriter, around) {
			if n := t.played[happened{k, s}]; n > 0 {
				_, _ = fmt.Fprintf(t.out, " %s %d,", k, n)
			}
		}
		_, _ = fmt.Fprintln(t.out)
	}
}
