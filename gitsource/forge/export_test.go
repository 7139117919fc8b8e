package forge

// ShortKey is shown to tests.
var ShortKey = shortKey
