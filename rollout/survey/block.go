package survey

import (
	"math"
	"slices"

	"github.com/daemongate/daemongate/rollout"
)

// block is some sites that stand beside each other. As long as nothing has changed in any of them a look passes over
// the block: it costs as much as one site that is taken over.
type block struct {
	from, to       int
	visits, causes record // what the records of its sites come to
	sums           record // of what its sites come to
	sum            *Sum
	shown          bool // a site shows in this look what is no finding of its own
}

// division is the sites in blocks, with what going into them has left behind.
type division struct {
	visits, causes []record // by site; none in a cache that nobody uses again
	blocks         []block
	size           int     // of a block
	beside         []int32 // the sites that were put beside others, in the last look or in this one, sorted
}

// divide divides the sites into blocks, about as many as each has sites: a look passes over all of them, and goes into
// all sites of the few in which something has changed. Where nothing is taken over there is one for all.
func (c *Cache) divide() {
	c.size = max(1, len(c.sites))
	if c.keeps() {
		c.size = max(1, int(math.Sqrt(float64(len(c.sites)))))
	}
	c.blocks, c.beside = nil, nil
	for from := 0; from < len(c.sites); from += c.size {
		c.blocks = append(c.blocks, block{from: from, to: min(from+c.size, len(c.sites))})
	}
}

func (c *Cache) blockOf(i int32) *block { return &c.blocks[int(i)/c.size] }

// passes reports whether a record holds for a look, and takes it over then.
func (s *notes) passes(r *record) bool {
	if !r.holds(s.now) {
		return false
	}
	s.takeOver(r)
	return true
}

// addUp has a record be what others come to: it holds as long as all of them do.
func (r *record) addUp(others []record) {
	*r = record{valid: true, kept: r.kept[:0]}
	for i := range others {
		o := &others[i]
		r.valid = r.valid && o.valid
		r.once = r.once || o.once || o.asked || o.measured // whether a site may be measured depends on those before it
		if !o.until.IsZero() {
			r.holdsUntil(o.until)
		}
		if !o.wake.IsZero() {
			r.wakesAt(o.wake)
		}
		r.kept = append(r.kept, o.kept...)
	}
}

// PutBeside has a site be what its own node and pods make of it, for who puts it beside the others then: it may be
// something else in this look than they say.
func PutBeside(s *Survey, at *Site) {
	if !at.beside {
		at.stands()
		s.cache.noteBeside(at)
	}
}

// stands has a site be what its own node and pods make of it.
func (at *Site) stands() { at.State, at.Before, at.Finding, at.beside = at.stood, nil, nil, false }

// noteBeside notes that a site is, in this look, something else than its record says.
func (c *Cache) noteBeside(at *Site) {
	if at.beside = true; !c.keeps() {
		return
	}
	i := c.siteOf(at.Name)
	if k, has := slices.BinarySearch(c.beside, i); !has {
		c.beside = slices.Insert(c.beside, k, i)
	}
}

// Show has a site show a finding that is not its own, in this look.
func Show(s *Survey, at *Site, f *Finding) {
	at.Finding = f
	if c := s.cache; c.keeps() {
		c.noteBeside(at)
		b := c.blockOf(c.siteOf(at.Name))
		b.shown, b.sums.valid = true, false
	}
}

// besideIn are the sites of a block that were put beside others.
func (c *Cache) besideIn(b *block) []int32 {
	from, _ := slices.BinarySearch(c.beside, int32(b.from))
	to, _ := slices.BinarySearch(c.beside, int32(b.to))
	return c.beside[from:to]
}

// standAgain has the sites be what their own nodes and pods make of them that the last look put beside others.
func (c *Cache) standAgain() {
	for _, i := range c.beside {
		c.sites[i].stands()
	}
}

// compareBeside has it found out again why those sites have not settled that are something else beside the others than
// at the last look.
func (c *Cache) compareBeside() {
	for _, i := range c.beside {
		at, r := &c.sites[i], &c.causes[i]
		if r.stood != at.State || !sameTrouble(r.before, at.Before) {
			c.dropCause(i)
		}
	}
}

func sameTrouble(a, b *rollout.FailingNode) bool { return a == b || a != nil && b != nil && *a == *b }

// SumUp has a function find out what the sites come to, block by block. It is the last that is asked of all sites.
func (s *Survey) SumUp(of func(sites []Site, before *Sum) *Sum) {
	c := s.cache
	if s.Sites == nil {
		return // nobody has arranged them: the DaemonSet is not there
	}
	if !s.explained {
		c.unexplained()
	}
	c.sums = c.sums[:0]
	for k := range c.blocks {
		b := &c.blocks[k]
		if !s.passes(&b.sums) {
			s.goInto(c.recordOf(&b.sums), func() { b.sum = of(c.sites[b.from:b.to], b.sum) })
			b.sums.once, b.shown = b.sums.once || b.shown, false
		}
		c.sums = append(c.sums, b.sum)
		for i := range b.sum.Counts {
			s.Counts[i] += b.sum.Counts[i]
		}
	}
	s.Sums = c.sums
	c.known, c.now = c.keeps(), s.now
}

// unexplained has no site show why it has not settled: nobody has asked in this look.
func (c *Cache) unexplained() {
	for i := range c.causes {
		if at := &c.sites[i]; !at.beside {
			at.stands()
		}
		c.dropCause(int32(i))
	}
	for k := range c.blocks {
		c.blocks[k].sums.valid = false
	}
}

// recordOf is a record, or none in a cache that nobody uses again.
func (c *Cache) recordOf(r *record) *record {
	if !c.keeps() {
		return nil
	}
	return r
}
