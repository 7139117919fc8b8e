package gitsource

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/daemongate/daemongate/gitsource/treefs"
)

// allowedSigner is a line of OpenSSH's allowed_signers: see ssh-keygen(1), ALLOWED SIGNERS.
type allowedSigner struct {
	principals    []string // patterns
	namespaces    []string // patterns; any namespace if empty
	after, before time.Time
	key           ssh.PublicKey
}

// parseAllowedSigner reads one line: principals, options, and a key. An option that is not understood is an error,
// because it may narrow what the key is good for.
func parseAllowedSigner(line string) (allowedSigner, error) {
	principals, rest, err := firstWord(line)
	if err != nil {
		return allowedSigner{}, err
	}
	key, _, options, _, err := ssh.ParseAuthorizedKey([]byte(rest))
	if err != nil {
		return allowedSigner{}, errors.New("there is no key: write principals, options and the public key, as " +
			"ssh-keygen's allowed_signers")
	}
	if _, isCertificate := key.(*ssh.Certificate); isCertificate {
		return allowedSigner{}, errors.New("certificates are not supported: name the keys themselves")
	}
	a := allowedSigner{principals: strings.Split(principals, ","), key: key}
	for _, o := range options {
		if err := a.option(o); err != nil {
			return allowedSigner{}, err
		}
	}
	return a, nil
}

// firstWord cuts the principals off a line; they may be quoted.
func firstWord(line string) (word, rest string, err error) {
	if quoted, found := strings.CutPrefix(line, `"`); found {
		if word, rest, found = strings.Cut(quoted, `"`); !found {
			return "", "", errors.New("the principals' quotation mark is not closed")
		}
		return word, rest, nil
	}
	i := strings.IndexAny(line, " \t")
	if i < 0 {
		return "", "", errors.New("there is no key after the principals")
	}
	return line[:i], line[i:], nil
}

func (a *allowedSigner) option(text string) (err error) {
	name, value, _ := strings.Cut(text, "=")
	value = strings.Trim(value, `"`)
	switch strings.ToLower(name) {
	case "namespaces":
		a.namespaces = strings.Split(value, ",")
	case "valid-after":
		a.after, err = signerTime(value)
	case "valid-before":
		a.before, err = signerTime(value)
	case "cert-authority":
		err = errors.New("cert-authority is not supported: name the keys themselves")
	default:
		err = fmt.Errorf("the option %q is not known", name)
	}
	return err
}

// signerTime reads a time as OpenSSH writes it. Without a Z it is in the time zone of the machine there, which no two
// machines need to share: here it is UTC in both cases.
func signerTime(text string) (time.Time, error) {
	digits := strings.TrimSuffix(text, "Z")
	for _, layout := range []string{"20060102", "200601021504", "20060102150405"} {
		if t, err := time.Parse(layout, digits); err == nil && len(layout) == len(digits) {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time: write YYYYMMDD, or YYYYMMDDHHMMSS", text)
}

// allows says why the key does not count for somebody at a time; empty if it does.
func (a *allowedSigner) allows(email string, at time.Time) string {
	switch {
	case len(a.namespaces) > 0 && !matchesAny(a.namespaces, sshNamespace):
		return fmt.Sprintf("may sign for %s, and not for git", strings.Join(a.namespaces, ", "))
	case !matchesAny(a.principals, email):
		return fmt.Sprintf("may sign for %s, and not for %s", strings.Join(a.principals, ", "), treefs.Printable(email))
	case !a.after.IsZero() && at.Before(a.after):
		return "is valid only after " + a.after.Format(time.DateTime)
	case !a.before.IsZero() && at.After(a.before):
		return "is valid only before " + a.before.Format(time.DateTime)
	}
	return ""
}

// matchesAny reports whether a text matches a list of patterns, as OpenSSH means it: a pattern that begins with ! and
// matches overrules all others.
func matchesAny(patterns []string, text string) bool {
	found := false
	for _, p := range patterns {
		negated, isNegated := strings.CutPrefix(p, "!")
		if isNegated && matches(negated, text) {
			return false
		}
		found = found || !isNegated && matches(p, text)
	}
	return found
}

// matches compares a text with a pattern in which * stands for any characters and ? for one.
func matches(pattern, text string) bool {
	p, t, star, resume := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, resume = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			resume++
			p, t = star+1, resume
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
