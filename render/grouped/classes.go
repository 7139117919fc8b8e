package grouped

// classes are sets of items that are never rendered apart from each other (union and find).
type classes struct{ above map[*item]*item }

// class is the item that stands for the class of an item: its first.
func (c *classes) class(it *item) *item {
	for c.above[it] != nil {
		if next := c.above[c.above[it]]; next != nil {
			c.above[it] = next
		}
		it = c.above[it]
	}
	return it
}

// join makes the classes of two items one.
func (c *classes) join(a, b *item) {
	if c.above == nil {
		c.above = map[*item]*item{}
	}
	a, b = c.class(a), c.class(b)
	if a.number > b.number {
		a, b = b, a
	}
	if a != b {
		c.above[b] = a
	}
}
