package comment

import (
	"net/http"
	"net/url"
	"regexp"
)

var nextLink = regexp.MustCompile(`<([^<>]*)>[^<]*;\s*rel="next"`)

// nextOf is what a header Link asks for on the next page (RFC 8288). Of the address only the query is used: whoever
// stands before the host may not know its name.
func nextOf(h http.Header) url.Values {
	for _, link := range h.Values("Link") {
		if m := nextLink.FindStringSubmatch(link); m != nil {
			return queryOf(m[1])
		}
	}
	return nil
}

// queryOf is what an address of the next page asks for; nil if it is none.
func queryOf(address string) url.Values {
	u, err := url.Parse(address)
	if err != nil || u.RawQuery == "" {
		return nil
	}
	return u.Query()
}
