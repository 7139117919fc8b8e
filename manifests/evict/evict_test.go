package evict

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// A lost answer is told without the address that was asked: it names a pod, which a Sync may ask not to be told.
func TestALostAnswerNamesNoPod(t *testing.T) {
	lost := errors.New("connection reset")
	err := &UnknownError{fmt.Errorf("evict: %w", &url.Error{Op: "Post", URL: "https://server/pods/agent-x/eviction", Err: lost})}
	if text := err.Error(); strings.Contains(text, "agent-x") || !strings.Contains(text, "connection reset") {
		t.Errorf("it says %q", text)
	}
	if !errors.Is(err, lost) {
		t.Error("the reason is lost")
	}
}
