// Package growth says how figures grow with the size at which they were measured, and which grow more than they may.
package growth

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// Figure is what was measured at each size.
type Figure struct {
	Name   string // with its unit
	Values []float64
	// Least is the smallest value that tells anything, such as the tick of a clock: what is below counts as that.
	Least float64
	// Limit is the most that the exponent may be; 0 if nothing limits it.
	Limit float64
}

// Table is figures at rising sizes.
type Table struct {
	What    string // what the sizes count
	Sizes   []int
	Figures []Figure
}

// Exponent is the steepest growth of a figure between two neighbouring sizes: e, if a size that is k times as large has
// a value that is k to the power of e times as large. What is there at every size hides no growth at the end, as it
// would in a fit of all. It is NaN for fewer than two sizes.
func (t *Table) Exponent(f Figure) float64 {
	steepest := math.NaN()
	for i := 1; i < min(len(t.Sizes), len(f.Values)); i++ {
		before, after := max(f.Values[i-1], f.Least), max(f.Values[i], f.Least)
		e := math.Log(after/before) / math.Log(float64(t.Sizes[i])/float64(t.Sizes[i-1]))
		if math.IsNaN(steepest) || e > steepest {
			steepest = e
		}
	}
	return steepest
}

// Exceeded says of each figure that grows more than it may by how much.
func (t *Table) Exceeded() (texts []string) {
	for _, f := range t.Figures {
		if e := t.Exponent(f); f.Limit != 0 && !math.IsNaN(e) && e > f.Limit {
			texts = append(texts, fmt.Sprintf("%s: grows with the power of %.2f of %s, at most %.2f is wanted",
				f.Name, e, t.What, f.Limit))
		}
	}
	return texts
}

// Print writes the table: a line for each figure, with its values and its exponent.
func (t *Table) Print(out io.Writer) error {
	lines := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	head := []string{t.What}
	for _, size := range t.Sizes {
		head = append(head, strconv.Itoa(size))
	}
	rows := [][]string{append(head, "exponent", "at most")}
	for _, f := range t.Figures {
		row := []string{f.Name}
		for _, value := range f.Values {
			row = append(row, number(value))
		}
		e, limit := "", ""
		if exponent := t.Exponent(f); !math.IsNaN(exponent) {
			e = fmt.Sprintf("%.2f", exponent)
		}
		if f.Limit != 0 {
			limit = fmt.Sprintf("%.2f", f.Limit)
		}
		rows = append(rows, append(row, e, limit))
	}
	widest := 0
	for _, row := range rows {
		widest = max(widest, len(row[0]))
	}
	for _, row := range rows {
		row[0] += strings.Repeat(" ", widest-len(row[0])) // names begin where the line does
		if _, err := fmt.Fprintln(lines, strings.Join(row, "\t")+"\t"); err != nil {
			return err
		}
	}
	return lines.Flush()
}

// number has three digits that tell something.
func number(value float64) string {
	switch digits := math.Abs(value); {
	case digits >= 100 || value == 0:
		return strconv.FormatFloat(value, 'f', 0, 64)
	case digits >= 10:
		return strconv.FormatFloat(value, 'f', 1, 64)
	}
	return strconv.FormatFloat(value, 'f', 2, 64)
}

// Quantile is the smallest of the times that so large a share of them does not exceed; 0 of none.
func Quantile(times []time.Duration, share float64) time.Duration {
	if len(times) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(times))
	return sorted[max(0, min(len(sorted)-1, int(math.Ceil(share*float64(len(sorted))))-1))]
}
