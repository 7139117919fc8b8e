package survey

import "slices"

// column is the objects of one kind in the order of a look, each with the number of what it belongs to, or none. The
// list is the look's own, which nobody changes.
type column[T any] struct {
	objects []*T
	of      []int32
}

// none is the number of an object that belongs to nothing.
const none = int32(-1)

// went is an object that a column has no more, and its number.
type went[T any] struct {
	object *T
	of     int32
}

// renew takes the objects of the next look. What it has in common with the one before keeps its numbers; it returns the
// places of what has come, which has none yet, and what has gone. A changed object has gone and come.
func (c *column[T]) renew(next []*T) (come []int, gone []went[T]) {
	alike := len(c.objects) == len(next)
	if alike && (len(next) == 0 || &c.objects[0] == &next[0]) {
		return nil, nil // it is the very same list
	}
	i := 0
	for ; i < len(next) && alike; i++ {
		if c.objects[i] == next[i] {
			continue
		}
		if left, right := whereTheyMeet(c.objects[i:], next[i:]); left != 1 || right != 1 {
			alike = false
			break
		}
		gone, come = append(gone, went[T]{c.objects[i], c.of[i]}), append(come, i)
		c.of[i] = none
	}
	if !alike {
		come, gone = c.shift(next, i, come, gone)
	}
	c.objects = next
	return come, gone
}

// shift takes over the numbers of what two lists have in common from a place on that objects have moved from.
func (c *column[T]) shift(next []*T, i int, come []int, gone []went[T]) ([]int, []went[T]) {
	of := make([]int32, len(next))
	copy(of, c.of[:i])
	j := i
	for i < len(c.objects) || j < len(next) {
		if i < len(c.objects) && j < len(next) && c.objects[i] == next[j] {
			of[j] = c.of[i]
			i, j = i+1, j+1
			continue
		}
		left, right := whereTheyMeet(c.objects[i:], next[j:])
		for range left {
			gone = append(gone, went[T]{c.objects[i], c.of[i]})
			i++
		}
		for range right {
			of[j], come = none, append(come, j)
			j++
		}
	}
	c.of = of
	return come, gone
}

// reach is how far is looked for the next object that two lists have in common.
const reach = 8

// whereTheyMeet is how many objects of each list to pass over until both go on with the same one: one of each if that
// is further away.
func whereTheyMeet[T any](a, b []*T) (left, right int) {
	for steps := 1; steps <= reach; steps++ {
		for left = max(0, steps-len(b)+1); left <= min(steps, len(a)-1); left++ {
			if right = steps - left; a[left] == b[right] {
				return left, right
			}
		}
	}
	return min(1, len(a)), min(1, len(b))
}

// chain is which objects of a column belong to each number, in the order of the look.
type chain struct {
	first, next, of []int32
	linked          bool // in this look
}

// link makes the chain of a column, of so many numbers, unless it is that already.
func (c *chain) link(of []int32, numbers int) {
	if len(c.first) == numbers && slices.Equal(c.of, of) {
		return
	}
	c.of = append(c.of[:0], of...)
	c.first, c.next = resized(c.first, numbers), resized(c.next, len(of))
	for i := range c.first {
		c.first[i] = none
	}
	for k := len(of) - 1; k >= 0; k-- {
		if n := of[k]; n != none {
			c.next[k], c.first[n] = c.first[n], int32(k)
		}
	}
}

// each calls a function with the places of all objects of a number.
func (c *chain) each(number int32, call func(place int32)) {
	for k := c.first[number]; k != none; k = c.next[k] {
		call(k)
	}
}

func resized(list []int32, n int) []int32 {
	if cap(list) < n {
		return make([]int32, n)
	}
	return list[:n]
}
