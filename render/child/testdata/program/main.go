// Command program is a child and nothing else, for tests that measure what it holds: the race detector, which is in the
// binary of the tests, takes several times as much.
package main

import (
	"os"

	"github.com/daemongate/daemongate/render/child"
)

func main() { os.Exit(child.Serve(os.Stdin, os.Stdout, os.Stderr)) }
