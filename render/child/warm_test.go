package child

import "testing"

// What a child in reserve renders beforehand is rendered to the end.
func TestWhatMakesReadyRenders(t *testing.T) {
	if err := warm(); err != nil {
		t.Error(err)
	}
}
