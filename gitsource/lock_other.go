//go:build !unix

package gitsource

import (
	"context"
	"os"
)

// lock makes the folder. Elsewhere than on Unix a store belongs to one process.
func lock(_ context.Context, home, _ string) (unlock func(), err error) {
	return func() {}, os.MkdirAll(home, 0o700)
}
