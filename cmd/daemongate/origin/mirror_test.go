package origin

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A token goes to the one server that it is for, by https: whoever writes a Sync may name any server, and gets nothing
// there. Without that server's name there is no token at all.
func TestATokenIsForOneServer(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a := &Access{tokenHost: "git.example.com"}
	a.from.access.tokenFile = file
	for location, sent := range map[string]bool{"https://git.example.com/fleet.git": true, "https://GIT.example.com/other": true,
		"https://git.example.com.evil.example/fleet.git": false, "https://evil.example/git.example.com": false,
		"http://git.example.com/fleet.git": false, "https://git.example.com:8443/fleet.git": false, "/srv/fleet": false} {
		if auth, err := a.authFor(location); err != nil || (auth.Token == "hunter2") != sent {
			t.Errorf("%s: %v, token %q", location, err, auth.Token)
		}
	}
	for want, one := range map[string]*Access{"--token-host": {}, "more than once": {tokenHost: "x"}} {
		one.from.access.tokenFile = "-"
		if err := one.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
}
