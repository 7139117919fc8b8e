package remote

import "testing"

// Credentials in a URL are found, and left out where a URL is shown: over http the user, too, who
// may be a token as well as a name.
func TestCredentialsInURLsAreFound(t *testing.T) {
	for url, shown := range map[string]string{
		"https://hidden@example.com/org/repo":                 "https://•••@example.com/org/repo",
		"HTTPS://hidden@example.com/org/repo":                 "HTTPS://•••@example.com/org/repo",
		"http://hidden:x-oauth-basic@example.com/org/repo":    "http://•••@example.com/org/repo",
		"https://ada:hidden@example.com:8443/org/repo":        "https://•••@example.com:8443/org/repo",
		"https://ada:hid/den@example.com/org/repo":            "https://•••@example.com/org/repo",
		"https://ada:hidden@hidden@example.com/org/repo":      "https://•••@example.com/org/repo",
		`https://hidden\@example.com/org/repo`:                "https://•••@example.com/org/repo",
		"https://hidden@[%zz/org/repo":                        "https://•••@[%zz/org/repo",
		" https://hidden@example.com/org/repo":                " https://•••@example.com/org/repo",
		"ssh://git:hidden@example.com/org/repo":               "ssh://git:•••@example.com/org/repo",
		"https://example.com/org/repo?token=a@b":              "",
		"https://example.com/@org/repo":                       "",
		"https://example.com:8443/org/repo":                   "",
		"ssh://git@example.com:2222/org/repo":                 "",
		"git@example.com:org/repo":                            "",
		"/srv/repo@1":                                         "",
		"file:///srv/ada:b":                                   "",
		"https://example.com/path-of-somebody@example.com/re": "",
	} {
		refused := shown != ""
		if !refused {
			shown = url
		}
		if HasPassword(url) != refused || WithoutPassword(url) != shown {
			t.Errorf("%s: refused %v, shown as %s", url, HasPassword(url), WithoutPassword(url))
		}
	}
}
