package main

import (
	"strings"
	"testing"
)

// The token is Gitea's last line alone, whatever Gitea warns of before it; and what is no token is not taken for one.
func TestTheTokenIsTheLastLineAlone(t *testing.T) {
	token := strings.Repeat("0123456789abcdef", 3)[:40]
	warning := "2026/11/30 00:00:00 ...s/setting/setting.go:1:x() [W] Gitea should not be run as root\n"
	for _, out := range []string{token, token + "\n", warning + token, warning + warning + "\n" + token + "\r\n"} {
		if got, err := tokenIn(out); err != nil || got != token {
			t.Errorf("%q: %q %v", out, got, err)
		}
	}
	for _, out := range []string{"", warning, token[1:], token + "\n" + warning, "token: " + token} {
		if got, err := tokenIn(out); err == nil || (out != "" && strings.Contains(err.Error(), token)) {
			t.Errorf("%q: %q %v", out, got, err)
		}
	}
}
