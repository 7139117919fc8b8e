package growth

import (
	"math"
	"strings"
	"testing"
	"time"
)

// A figure's exponent is that of its steepest step, so that what is there at every size hides no growth at the end.
func TestExponentsAreThoseOfTheSteepestStep(t *testing.T) {
	sizes := Table{Sizes: []int{10, 100, 1000}}
	for name, c := range map[string]struct {
		figure Figure
		want   float64
	}{
		"constant":                  {Figure{Values: []float64{3, 3, 3}}, 0},
		"linear":                    {Figure{Values: []float64{0.1, 1, 10}}, 1},
		"quadratic":                 {Figure{Values: []float64{1, 100, 10000}}, 2},
		"quadratic behind a start":  {Figure{Values: []float64{50, 51, 150}}, math.Log10(150. / 51)},
		"none, where little is one": {Figure{Values: []float64{0, 0, 1}, Least: 1}, 0},
		"falls":                     {Figure{Values: []float64{100, 10, 1}}, -1},
	} {
		if got := sizes.Exponent(c.figure); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: %v, not %v", name, got, c.want)
		}
	}
	one := Table{Sizes: []int{10}}
	if e := one.Exponent(Figure{Values: []float64{1}}); !math.IsNaN(e) {
		t.Errorf("of one size: %v", e)
	}
}

// What grows more than it may is said, and nothing else.
func TestWhatGrowsMoreThanItMayIsSaid(t *testing.T) {
	table := Table{What: "Syncs", Sizes: []int{10, 100}, Figures: []Figure{
		{Name: "memory", Values: []float64{1, 10}, Limit: 1.05},
		{Name: "time", Values: []float64{1, 100}},
		{Name: "processor", Values: []float64{1, 20}, Limit: 1.05},
	}}
	texts := table.Exceeded()
	if len(texts) != 1 || !strings.HasPrefix(texts[0], "processor: ") || !strings.Contains(texts[0], "1.30") {
		t.Errorf("%q", texts)
	}
	table.Sizes = table.Sizes[:1]
	if texts := table.Exceeded(); len(texts) > 0 {
		t.Errorf("of one size: %q", texts)
	}
}

// The table has a line for each figure, which a person can read.
func TestTheTableCanBeRead(t *testing.T) {
	out := &strings.Builder{}
	table := Table{What: "Syncs", Sizes: []int{10, 100}, Figures: []Figure{
		{Name: "processor time, s", Values: []float64{0.512, 123.4}, Limit: 1.05},
		{Name: "requests", Values: []float64{0, 12.34}, Least: 1},
	}}
	if err := table.Print(out); err != nil {
		t.Fatal(err)
	}
	const want = "" +
		"Syncs                10   100  exponent  at most  \n" +
		"processor time, s  0.51   123      2.38     1.05  \n" +
		"requests              0  12.3      1.09           \n"
	if trimmed(out.String()) != trimmed(want) {
		t.Errorf("got\n%swant\n%s", out, want)
	}
}

func trimmed(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.Trim(line, " ")
	}
	return strings.Join(lines, "\n")
}

// A quantile is one of the times that were measured.
func TestAQuantileIsOneOfTheTimes(t *testing.T) {
	var times []time.Duration
	for i := range 200 {
		times = append(times, time.Duration(200-i))
	}
	for share, want := range map[float64]time.Duration{0: 1, 0.5: 100, 0.99: 198, 1: 200} {
		if got := Quantile(times, share); got != want {
			t.Errorf("%v: %d, not %d", share, got, want)
		}
	}
	if got := Quantile(nil, 0.5); got != 0 {
		t.Errorf("of none: %d", got)
	}
}
