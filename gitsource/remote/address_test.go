package remote

import (
	"strings"
	"testing"
)

// What git takes for a place on another machine is one: also an IPv6 address, which stands in brackets, and a path that
// holds two colons. Only a word before two colons names a remote helper. What each address is was asked of git.
func TestAddressesAsGitReadsThem(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]Address{
		"git@example.com:team/x.git":        {"ssh", "git", "example.com", "/team/x.git"},
		"example.com:/x.git":                {"ssh", "", "example.com", "/x.git"},
		"git@[::1]:x":                       {"ssh", "git", "[::1]", "/x"},
		"[::1]:/srv/x.git":                  {"ssh", "", "[::1]", "/srv/x.git"},
		"git@[2001:db8::7]:team/x.git":      {"ssh", "git", "[2001:db8::7]", "/team/x.git"},
		"git@[fe80::1%eth0]:x":              {"ssh", "git", "[fe80::1%eth0]", "/x"},
		"[git@::1]:x":                       {"ssh", "git", "[::1]", "/x"},
		"git@[example.com]:x":               {"ssh", "git", "example.com", "/x"},
		"git@[example.com:2222]:x":          {"ssh", "git", "example.com:2222", "/x"},
		"[git@example.com:2222]:x":          {"ssh", "git", "example.com:2222", "/x"},
		"git@example.com:a::b":              {"ssh", "git", "example.com", "/a::b"},
		"ssh://git@[::1]:2222/x":            {"ssh", "git", "[::1]:2222", "/x"},
		"ssh://git@[fe80::1%25eth0]:2222/x": {"ssh", "git", "[fe80::1%eth0]:2222", "/x"},
		"/srv/a::b":                         {Scheme: "file", Path: "/srv/a::b"},
		"/srv/[::1]:x":                      {Scheme: "file", Path: "/srv/[::1]:x"},
	} {
		got, _, err := ParseAddress(raw, Auth{})
		if err != nil || got != want {
			t.Errorf("%s is %+v (%v), want %+v", raw, got, err, want)
		}
		again, _, err := ParseAddress(got.String(), Auth{})
		if err != nil || again != want {
			t.Errorf("%s, written as %s, is %+v (%v), want %+v", raw, got, again, err, want)
		}
	}
}

// What is no place is said so, without repeating it: it may hold a password.
func TestAddressesThatAreNone(t *testing.T) {
	t.Parallel()
	for raw, words := range map[string]string{
		"ext::sh -c evil":        "remote helper",
		"ext::sh -c ssh://evil":  "remote helper",
		"::evil":                 "remote helper",
		"git@[::1:22:zz]:secret": "no host",
		"git@[me:secret@::1]:x":  "no host",
	} {
		_, _, err := ParseAddress(raw, Auth{})
		if err == nil || !strings.Contains(err.Error(), words) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %q", raw, err, words)
		}
	}
}
