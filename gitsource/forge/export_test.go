package forge

// ShortKey is shown to tests.
var ShortKey = shortKey

// MaxPacks is how many packs are kept.
const MaxPacks = maxPacks

// Bound changes how many bytes of notes are fetched at most.
func (n *Notes) Bound(bytes int64) { n.maxPack = bytes }

// Bound has a reader fetch no more bytes of one ref.
func (r *NotesReader) Bound(bytes int64) { r.maxOne = bytes }

// Keep has a reader begin anew above so many bytes.
func (r *NotesReader) Keep(bytes int64) { r.maxKept = bytes }
