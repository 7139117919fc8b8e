package board

import (
	"cmp"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/charmbracelet/x/ansi"
	"k8s.io/apimachinery/pkg/util/duration"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/english"
)

const (
	wide     = 80 // columns
	nameWide = 20 // of a cluster or a Sync
	subject  = 16 // at least
)

// Text is the board for people: what became of each commit, and then where each Sync is, what needs a look first.
func (b *Board) Text(now time.Time, all bool) string {
	var out strings.Builder
	if !b.matrix(&out) {
		b.counts(&out)
	}
	out.WriteByte('\n')
	b.list(&out, now, all)
	return out.String()
}

// matrix is a column for each Sync, if there is room.
func (b *Board) matrix(out *strings.Builder) bool {
	names, room := b.Labels(), wide-9-subject
	header := []string{"COMMIT"}
	for _, name := range names {
		room -= max(len([]rune(name)), len(api.RollingOut)) + 2
		header = append(header, name)
	}
	if room < 0 || len(names) == 0 {
		return false
	}
	rows := [][]string{append(header, "SUBJECT")}
	for _, c := range b.Commits {
		row := []string{api.Short(c.Hash)}
		for _, s := range b.Syncs {
			row = append(row, s.Commits[c.Hash].Word())
		}
		rows = append(rows, append(row, c.Subject))
	}
	table(out, rows)
	return true
}

// counts are how many Syncs are in each state.
func (b *Board) counts(out *strings.Builder) {
	tally := b.Tally()
	rows := [][]string{append(append([]string{"COMMIT"}, tally.Words...), "SUBJECT")}
	for i, c := range b.Commits {
		row := []string{api.Short(c.Hash)}
		for _, count := range tally.Rows[i] {
			row = append(row, fmt.Sprint(count))
		}
		rows = append(rows, append(row, c.Subject))
	}
	table(out, rows)
}

// list is a line for each Sync, and why it is where it is.
func (b *Board) list(out *strings.Builder, now time.Time, all bool) {
	rows, why := [][]string{{"CLUSTER", "SYNC", "COMMIT", "STATE", "FOR", "BEHIND"}}, []string{""}
	listed, others := b.Listed(all)
	for _, s := range listed {
		rows = append(rows, []string{clip(s.Cluster, nameWide), clip(cmp.Or(s.Name, "-"), nameWide),
			cmp.Or(api.Short(s.Commit), "-"), s.Word(), since(s.Since, now), s.Distance()})
		why = append(why, s.Why())
	}
	if len(rows) > 1 {
		table(out, rows, why...)
	}
	if others > 0 {
		fmt.Fprintf(out, "%s Complete at %s\n", english.Count(others, "Sync"), api.Short(b.Commits[0].Hash))
	}
}

// Text is where a commit is, for people.
func (w *Where) Text(now time.Time) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s  %s\n", api.Short(w.Hash), clip(w.Subject, wide-9))
	fmt.Fprintf(&out, "has taken over on %d of %s\n\n", w.On, english.Count(w.Of, "Sync"))
	rows, why := [][]string{{"CLUSTER", "SYNC", "HAS IT", "STATE", "FOR", "AT"}}, []string{""}
	for _, p := range w.Syncs {
		has, reason := "no", ""
		if p.Has {
			has = "yes"
		} else {
			reason = p.Message
		}
		rows = append(rows, []string{clip(p.Cluster, nameWide), clip(cmp.Or(p.Name, "-"), nameWide), has,
			p.Word(), since(p.Since, now), cmp.Or(api.Short(p.At), "-")})
		why = append(why, reason)
	}
	if len(w.Syncs) > 0 {
		table(&out, rows, why...)
	}
	return out.String()
}

func since(t, now time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return duration.HumanDuration(now.Sub(t))
}

// table writes rows in columns, none wider than a terminal, with what is said below each.
func table(out *strings.Builder, rows [][]string, below ...string) {
	var aligned strings.Builder
	t := tabwriter.NewWriter(&aligned, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		_, _ = fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	_ = t.Flush() // into memory
	for i, line := range strings.Split(strings.TrimSuffix(aligned.String(), "\n"), "\n") {
		fmt.Fprintln(out, clip(strings.TrimRight(line, " "), wide))
		if i >= len(below) || below[i] == "" {
			continue
		}
		for part := range strings.Lines(ansi.Wrap(below[i], wide-len(indent), "")) {
			fmt.Fprintln(out, indent+strings.TrimSpace(part))
		}
	}
}

const indent = "    "

// clip cuts a text that takes more columns.
func clip(text string, columns int) string { return ansi.Truncate(text, columns, "…") }
