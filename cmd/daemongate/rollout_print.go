package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/words"
	"github.com/daemongate/daemongate/sync/english"
	"github.com/daemongate/daemongate/sync/view"
)

// progressPrinter tells a rollout while it goes on: a line for each change, and on a terminal a bar below them.
type progressPrinter struct {
	out   io.Writer
	width int  // of the terminal; 0 if it is none
	once  bool // there is one look alone: young troubles are told too

	said  string
	drawn bool // a bar stands in the last line
	pace  pace
}

// lasts is for how long a trouble has been there before it is told: most that is younger, such as a container that is
// being made, has gone when it is read.
const lasts = 3 * time.Second

// show prints what a judgement has to tell that the one before had not. Why one is stuck is told by its report. Again
// is when there may be more to tell although nothing has changed; zero if never.
func (p *progressPrinter) show(j rollout.Judgement, now time.Time) (again time.Time) {
	if j.Verdict == rollout.Stuck {
		p.clear()
		return again
	}
	lines, again := p.causeLines(j, now)
	if p.width == 0 || j.Verdict == rollout.Complete {
		lines = append([]string{j.Headline}, lines...)
	}
	if text := strings.Join(lines, "\n"); text != p.said && text != "" {
		p.clear()
		_, _ = fmt.Fprintln(p.out, text)
		p.said = text
	}
	if p.width > 0 && j.Verdict == rollout.Progressing {
		p.pace.see(j.Settled, now)
		p.clear()
		_, _ = fmt.Fprint(p.out, bar(j, p.pace, p.width))
		p.drawn = true
	}
	return again
}

// waits tells that nothing can be told at present, and why.
func (p *progressPrinter) waits(why string) {
	p.clear()
	p.said = "" // what stands above may have changed
	if why == "" {
		_, _ = fmt.Fprintln(p.out, "The API server answers again.")
		return
	}
	_, _ = fmt.Fprintf(p.out, "Waiting for the API server, which is asked again until the timeout: %s\n",
		strings.ReplaceAll(why, "\n", "; "))
}

// causeLines are the causes that a rollout shows at present and that have lasted, and when the next one of them has.
func (p *progressPrinter) causeLines(j rollout.Judgement, now time.Time) (lines []string, next time.Time) {
	for _, c := range j.Causes {
		if told := c.Since.Add(lasts); !c.Final && !p.once && told.After(now) {
			if next.IsZero() || told.Before(next) {
				next = told
			}
			continue
		}
		line := "  " + string(c.Code)
		if len(c.Nodes) > 0 {
			line += fmt.Sprintf(" on %s", words.FoldNames(c.Nodes))
		}
		lines = append(lines, line+": "+c.Message)
	}
	return lines, next
}

// clear takes the bar away.
func (p *progressPrinter) clear() {
	if p.drawn {
		_, _ = fmt.Fprint(p.out, "\r\x1b[K")
		p.drawn = false
	}
}

// bar is the rollout in one line of a terminal: nodes, rate, and an estimate of the time left.
func bar(j rollout.Judgement, p pace, width int) string {
	text := fmt.Sprintf(" %d/%d nodes settled", j.Settled, j.Desired)
	if rate := p.perMinute(); rate > 0 && j.Settled < j.Desired {
		left := time.Duration(float64(j.Desired-j.Settled) / rate * float64(time.Minute))
		text += fmt.Sprintf(", %.0f/min, about %s left", max(rate, 1), english.Roughly(left))
	}
	if !j.Proving.IsZero() {
		text = fmt.Sprintf(" %d/%d nodes settled, proving until %s", j.Settled, j.Desired,
			j.Proving.Local().Format(time.TimeOnly))
	}
	cells := min(40, width-len(text)-3)
	if cells < 5 {
		return strings.TrimSpace(text)[:min(max(width-1, 0), len(strings.TrimSpace(text)))]
	}
	full := cells * j.Settled / max(j.Desired, 1)
	return "[" + strings.Repeat("#", full) + strings.Repeat(".", cells-full) + "]" + text
}

// pace is how fast nodes settle, since the first look.
type pace struct {
	began, last time.Time
	first, now  int
}

func (p *pace) see(settled int, now time.Time) {
	if p.began.IsZero() || settled < p.first {
		p.began, p.first = now, settled
	}
	p.now, p.last = settled, now
}

func (p pace) perMinute() float64 {
	if p.now <= p.first || p.last.Sub(p.began) < view.Enough {
		return 0
	}
	return float64(p.now-p.first) / p.last.Sub(p.began).Minutes()
}
