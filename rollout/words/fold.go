package words

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// FoldNames writes names in as little room as can still be read: those that differ in their last number become a range,
// as in "node-[001-118], gpu-[3,7]". Names are sorted and each is written once.
func FoldNames(names []string) string {
	var all []string
	for _, f := range fold(names) {
		all = append(all, f.text)
	}
	return strings.Join(all, ", ")
}

// folded is one name or several that were folded into one.
type folded struct {
	text  string
	count int
}

// numbered is a name cut at its last number.
type numbered struct {
	before, after string
	width         int // of a number with leading zeros; 0 for one without
	number        uint64
}

func fold(names []string) []folded {
	names = slices.Clone(names)
	slices.Sort(names)
	names = slices.Compact(names)
	var order []numbered     // one of each family, in the order of the first name
	var numbers [][]uint64   // of each
	at := map[numbered]int{} // their places
	padded := widths(names)
	last := -1
	for _, name := range names {
		n := cutNumber(name, padded)
		family := numbered{before: n.before, after: n.after, width: n.width}
		if last < 0 || order[last] != family { // most are of the family of the one before
			known := false
			if last, known = at[family]; !known {
				last = len(order)
				at[family], order, numbers = last, append(order, family), append(numbers, nil)
			}
		}
		numbers[last] = append(numbers[last], n.number)
	}
	all := make([]folded, 0, len(order))
	for i, family := range order {
		all = append(all, family.fold(numbers[i]))
	}
	return all
}

// stem is what names have in common that differ in their last number of a certain width.
type stem struct {
	before, after string
	width         int
}

// widths are the stems with a number that has leading zeros: there 118 is the 118th of 001, not of 1.
func widths(names []string) map[stem]bool {
	padded := map[stem]bool{}
	for _, name := range names {
		if i, j := lastNumber(name); j-i > 1 && name[i] == '0' {
			padded[stem{name[:i], name[j:], j - i}] = true
		}
	}
	return padded
}

// cutNumber cuts a name at its last number. One without a number, or with one too long to count with, is all before.
func cutNumber(name string, padded map[stem]bool) numbered {
	i, j := lastNumber(name)
	value, err := strconv.ParseUint(name[i:j], 10, 63)
	if err != nil {
		return numbered{before: name, width: -1}
	}
	n := numbered{before: name[:i], after: name[j:], number: value}
	if padded[stem{n.before, n.after, j - i}] {
		n.width = j - i
	}
	return n
}

// lastNumber is where the last run of digits in a name stands, domain names aside; the same place twice if there is
// none.
func lastNumber(name string) (from, to int) {
	host, _, _ := strings.Cut(name, ".")
	isDigit := func(c byte) bool { return '0' <= c && c <= '9' }
	for to = len(host); to > 0 && !isDigit(host[to-1]); {
		to--
	}
	for from = to; from > 0 && isDigit(host[from-1]); {
		from--
	}
	return from, to
}

// fold writes a family's numbers as ranges.
func (n numbered) fold(numbers []uint64) folded {
	if n.width < 0 {
		return folded{n.before, 1}
	}
	slices.SortFunc(numbers, cmp.Compare)
	if len(numbers) == 1 {
		return folded{n.before + string(n.digits(nil, numbers[0])) + n.after, 1}
	}
	ranges := make([]byte, 0, 8*len(numbers))
	for i := 0; i < len(numbers); {
		last := i
		for last+1 < len(numbers) && numbers[last+1] == numbers[last]+1 {
			last++
		}
		if i > 0 {
			ranges = append(ranges, ',')
		}
		ranges = n.digits(ranges, numbers[i])
		if last > i {
			ranges = n.digits(append(ranges, '-'), numbers[last])
		}
		i = last + 1
	}
	return folded{n.before + "[" + string(ranges) + "]" + n.after, len(numbers)}
}

// digits writes a number behind a text, with leading zeros up to the width.
func (n numbered) digits(text []byte, number uint64) []byte {
	from := len(text)
	text = strconv.AppendUint(text, number, 10)
	for len(text)-from < n.width {
		text = slices.Insert(text, from, '0')
	}
	return text
}
