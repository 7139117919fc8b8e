package remote

import (
	"regexp"
	"slices"
)

// inURL finds what may be credentials in a URL, or in what was meant to be one, and what stands before them. Over http
// that is all before the host: a user's name cannot be told from a token, which some hosts want in its place. Over ssh
// the user is part of the address.
var inURL = []*regexp.Regexp{
	regexp.MustCompile(`(?i)(https?://)[^/?#]*@`),
	regexp.MustCompile(`(?i)(https?://)[^/?#@]*:.*@`), // a password with a slash in it
	regexp.MustCompile(`(://[^/:]*:).*@`),
}

// HasPassword reports whether a URL holds a password, or what may be a token.
func HasPassword(url string) bool {
	return slices.ContainsFunc(inURL, func(found *regexp.Regexp) bool { return found.MatchString(url) })
}

// WithoutPassword is a URL as it may be shown.
func WithoutPassword(url string) string {
	for _, found := range inURL {
		if found.MatchString(url) {
			return found.ReplaceAllString(url, "$1•••@")
		}
	}
	return url
}
