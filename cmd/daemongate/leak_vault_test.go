package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
	gosync "sync"
	"testing"
)

// vault knows everything that must stay hidden, and where it came from.
type vault struct {
	mu      gosync.Mutex
	secrets map[string]string // what it is, by value
}

// hide makes a value that nothing else in the world looks like. It has characters that encodings change.
func (v *vault) hide(what string) string {
	value := oddCharacters + rand.Text()
	v.keep(what, value)
	return value
}

const oddCharacters = `h1d+/%"`

// plain is hide for where only letters and digits can stand.
func (v *vault) plain(what string) string {
	value := rand.Text()
	v.keep(what, value)
	return value
}

// keep has a value hidden; of a PEM file every line but those that all files of its kind share.
func (v *vault) keep(what, value string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.secrets == nil {
		v.secrets = map[string]string{}
	}
	if !strings.HasPrefix(value, "-----BEGIN") {
		v.secrets[value] = what
		return
	}
	for i, line := range strings.Split(value, "\n") {
		if i > 1 && len(line) > 20 && !strings.HasPrefix(line, "-----") {
			v.secrets[line] = what
		}
	}
}

// grep finds the secrets in a text.
func (v *vault) grep(t *testing.T, where, text string) {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	for value, what := range v.secrets {
		for _, form := range forms(value) {
			if at := strings.Index(text, form); at >= 0 {
				t.Errorf("%s holds %s, written as %s: …%s…", where, what, form,
					text[max(0, at-200):min(len(text), at+len(form)+100)])
				break
			}
		}
	}
}

// forms are the ways in which a secret can be written down.
func forms(secret string) []string {
	f := []string{strings.TrimPrefix(secret, oddCharacters), hex.EncodeToString([]byte(secret)),
		url.QueryEscape(secret), url.PathEscape(secret)}
	// Within a longer text that is base64, such as user:password, it looks in one of three ways.
	for shift, trim := range []int{0, 2, 3} {
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			whole := (len(secret) + shift) / 3 * 3 // what follows changes the rest
			f = append(f, encoding.EncodeToString([]byte(strings.Repeat("x", shift) + secret)[:whole])[trim:])
		}
	}
	return slices.Compact(f)
}
