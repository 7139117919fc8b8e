//go:build !unix

package gitsource

import "os"

// lock makes the folder. Elsewhere than on Unix a store belongs to one process.
func lock(home string) (unlock func(), err error) {
	return func() {}, os.MkdirAll(home, 0o700)
}
