package remote

import (
	"strings"
	"testing"
)

// Credentials go to the hosts that they name and to no other, over http only if that was said. Who has none may go
// anywhere.
func TestCredentialsBelongToHosts(t *testing.T) {
	bound := Auth{Token: "s3cr3t", NoPlain: true, Hosts: []string{"Git.example.com", "other.example.com:8443"}}
	plain := bound
	plain.NoPlain = false
	for _, c := range []struct {
		url   string
		auth  Auth
		words string // of the error; empty for none
	}{
		{"https://git.example.com/x", bound, ""},
		{"https://git.example.com:443/x", bound, ""},
		{"https://other.example.com:8443/x", bound, ""},
		{"https://git.example.com:8443/x", bound, "not for git.example.com:8443"},
		{"https://other.example.com/x", bound, "not for other.example.com"},
		{"https://git.example.com.evil.example/x", bound, "not for git.example.com.evil.example"},
		{"https://git.example.com@evil.example/x", bound, "not for evil.example"},
		{"https://xgit.example.com/x", bound, "not for"},
		{"http://git.example.com/x", bound, "allowHTTP"},
		{"http://git.example.com/x", plain, ""},
		{"http://evil.example/x", plain, "not for evil.example"},
		{"https://evil.example/x", Auth{Token: "s3cr3t"}, ""},
		{"http://evil.example/x", Auth{NoPlain: true, Hosts: []string{"a"}, CA: []byte("CA")}, ""},
		{"http://git.example.com/x", Auth{Bearer: "s3cr3t", NoPlain: true}, "allowHTTP"},
		{"http://git.example.com/x", Auth{ClientKey: []byte("s3cr3t"), NoPlain: true}, "allowHTTP"},
		{"ssh://git@git.example.com/x", Auth{SSHKey: []byte("s3cr3t"), Hosts: []string{"git.example.com"}}, ""},
		{"ssh://git@evil.example/x", Auth{SSHKey: []byte("s3cr3t"), Hosts: []string{"git.example.com"}}, "not for"},
		{"git@git.example.com:x", Auth{SSHKey: []byte("s3cr3t"), Hosts: []string{"git.example.com:2222"}}, "not for"},
	} {
		address, auth, err := ParseAddress(c.url, c.auth)
		if err != nil {
			t.Fatal(err)
		}
		err = auth.belongs(address)
		if (err == nil) != (c.words == "") || err != nil && (!strings.Contains(err.Error(), c.words) ||
			strings.Contains(err.Error(), "s3cr3t")) {
			t.Errorf("%s: %v, want %q", c.url, err, c.words)
		}
		if err != nil {
			if _, again := New(c.url, c.auth, Options{}); again == nil || again.Error() != err.Error() {
				t.Errorf("%s is opened all the same: %v", c.url, again)
			}
		}
	}
}
