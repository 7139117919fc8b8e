// Command program is a child and nothing else: the binary of a test is slower to start, and holds several times as
// much, because of the race detector.
package main

import (
	"os"

	"github.com/daemongate/daemongate/render/child"
)

func main() { os.Exit(child.Serve(os.Stdin, os.Stdout, os.Stderr)) }
