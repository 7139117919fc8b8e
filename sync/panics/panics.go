// Package panics keeps a panic the trouble of whoever it was that panicked, who rests for a while.
package panics

import "github.com/daemongate/daemongate/manifests/caught"

// Panic is one that was caught.
type Panic = caught.Panic

// Catch does something, and returns the panic that ended it; nil if none did.
func Catch(doing string, do func()) *Panic { return caught.Catch(doing, do) }
