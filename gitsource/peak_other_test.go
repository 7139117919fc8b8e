//go:build !unix

package gitsource_test

import (
	"os"
	"testing"
	"time"
)

// peakMB is not known here.
func peakMB(*os.ProcessState) float64 { return 0 }

// processorTime is not measured here.
func processorTime(*testing.B) time.Duration { return 0 }
