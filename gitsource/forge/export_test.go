package forge

// ShortKey is shown to tests.
var ShortKey = shortKey

// Bound changes how many bytes of notes are fetched at most.
func (n *Notes) Bound(bytes int64) { n.maxPack = bytes }
