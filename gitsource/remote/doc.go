// Package remote speaks to Git servers over http, ssh and pipes: in bounded time, and without repeating credentials in
// any error. It knows objects and refs, and nothing of what they are for.
package remote
