//go:build !unix

package gitsource_test

import "os"

// peakMB is not known here.
func peakMB(*os.ProcessState) float64 { return 0 }
