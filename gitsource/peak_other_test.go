//go:build !unix

package gitsource_test

import (
	"testing"
	"time"
)

// peakMB is not known here.
func peakMB() (float64, error) { return 0, nil }

// processorTime is not measured here.
func processorTime(*testing.B) time.Duration { return 0 }
