package remote

import "testing"

// Credentials are for the server of the Sync's repository: the same scheme, host, port and, over ssh, user. How the
// addresses are written does not matter.
func TestWhichServerIsTheSources(t *testing.T) {
	for _, c := range []struct {
		source, base string
		same         bool
	}{
		{"https://example.com/org/repo", "https://EXAMPLE.com/other/repo.git", true},
		{"https://example.com/org/repo", "https://example.com:443/org/base", true},
		{"https://example.com/org/repo", "https://example.com:8443/org/base", false},
		{"https://example.com/org/repo", "http://example.com/org/base", false},
		{"https://example.com/org/repo", "https://example.com.evil.example/org/base", false},
		{"https://example.com/org/repo", "https://evil.example/example.com", false},
		{"https://example.com/org/repo", "https://example.com@evil.example/org/base", false},
		{"https://example.com/org/repo", `https://evil.example\@example.com/org/base`, false},
		{"http://example.com:80/org/repo", "HTTP://example.com/org/base", true},
		{"git@example.com:org/repo", "ssh://git@example.com/org/base", true},
		{"git@example.com:org/repo", "git@example.com:org/base.git", true},
		{"git@example.com:org/repo", "ssh://git@example.com:22/org/base", true},
		{"git@example.com:org/repo", "example.com:org/base", true}, // whose user is git
		{"ssh://git@example.com:2222/org/repo", "git@example.com:org/base", false},
		{"git@example.com:org/repo", "eve@example.com:org/base", false},
		{"git@example.com:org/repo", "git@evil.example:org/base", false},
		{"git@example.com:org/repo", "https://example.com/org/base", false},
		{"ssh://git@[2001:db8::1]/org/repo", "ssh://git@[2001:db8::1]:22/org/base", true},
		{"/srv/repo", "/srv/base", false}, // there is nothing to say to a folder
		{"file:///srv/repo", "https:///srv/base", false},
	} {
		if got := SameServer(c.base, c.source); got != c.same {
			t.Errorf("of %s, %s is the same server: %v", c.source, c.base, got)
		}
	}
}
