package forge

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// outcome is what an answer means for a status.
type outcome int

const (
	told         outcome = iota
	refused              // it will never be taken as it is
	unknown              // the host does not know the commit, or not yet
	broken               // the host could not answer
	unauthorized         // the token is not valid any more
	hindered             // nothing will be taken now
)

// said is an answer of a Git host.
type said struct {
	is    outcome
	code  int
	text  string // what it says of an error, on one line, without credentials
	why   error
	pause time.Duration
	// header and body are kept of what was asked for by a Caller.
	header http.Header
	body   []byte
}

// errand is what a request is sent for, in the words that say what its token lacks.
type errand struct {
	right string // what the token has to be allowed to do to a repository
	renew string // what to do about a token that is not valid
	wait  string // what becomes of a request that has to wait
}

// ofStatuses are the words of who tells statuses.
var ofStatuses = errand{right: "write statuses to", renew: "put a new one into the Secret",
	wait: "waiting as long as it asks"}

// maxPause bounds how long a host can ask to be left alone: GitHub's limits are by the hour.
const maxPause = time.Hour

// outcomeOf is what an answer means on every host, unless a dialect knows better (RFC 9110).
func outcomeOf(code int) outcome {
	switch {
	case code >= 200 && code < 300:
		return told
	case code == http.StatusUnauthorized:
		return unauthorized
	case code == http.StatusForbidden, code == http.StatusTooManyRequests, code < 400:
		return hindered
	case code == http.StatusNotFound: // every host says so of a repository that the token may not see
		return hindered
	case code == http.StatusConflict, code == http.StatusRequestTimeout, code == http.StatusTooEarly, code >= 500:
		return broken
	}
	return refused
}

// advice is what to do about an answer.
func advice(s said, p Place, e errand) string {
	switch {
	case s.pause > 0:
		return "the rate limit is reached: " + e.wait
	case s.is == unauthorized:
		return "the token is not valid, or not any more: " + e.renew
	case s.code == http.StatusForbidden:
		return "the token may not " + e.right + " " + p.Repository + ": give it that right"
	case s.code < 400:
		return "it redirects elsewhere, and the token is not sent along: correct url and repository"
	case s.is == unknown:
		return "it knows no such commit in " + p.Repository
	case s.code == http.StatusNotFound:
		return "it has no repository " + p.Repository + " that this token may " + e.right + ": check the " +
			"repository's name, and the token's scopes and access to it"
	}
	return ""
}

// explain puts an answer into words.
func (s said) explain(p Place, e errand) error {
	text := fmt.Sprintf("%s answers %d", p.Provider, s.code)
	for _, more := range []string{s.text, advice(s, p, e)} {
		if more != "" {
			text += ", " + more
		}
	}
	return errors.New(text)
}

// pauseOf is how long a host asks to be left alone: Retry-After in seconds or as a date, or the instant at which the
// limit is set back, in seconds since 1970 (GitHub X-RateLimit-Reset, GitLab RateLimit-Reset), if nothing is left of
// it.
func pauseOf(h http.Header, now time.Time) time.Duration {
	if v := h.Get("Retry-After"); v != "" {
		if seconds, err := strconv.Atoi(v); err == nil {
			return clamp(time.Duration(min(seconds, 1e6)) * time.Second)
		}
		if at, err := http.ParseTime(v); err == nil {
			return clamp(at.Sub(now))
		}
	}
	for _, prefix := range []string{"X-RateLimit-", "RateLimit-"} {
		if h.Get(prefix+"Remaining") != "0" {
			continue
		}
		if at, err := strconv.ParseInt(h.Get(prefix+"Reset"), 10, 64); err == nil {
			return clamp(time.Unix(at, 0).Sub(now))
		}
	}
	return 0
}

func clamp(d time.Duration) time.Duration { return max(time.Second, min(d, maxPause)) }

// messageOf is what a host's answer says of an error. They all send JSON, each in another shape: message, error or
// errors, of texts, objects or lists. It is not cut here: half a token would not be recognised.
func messageOf(body []byte) string {
	var fields map[string]any
	if json.Unmarshal(body, &fields) != nil {
		return ""
	}
	var texts []string
	for _, key := range []string{"message", "error", "errors"} {
		texts = append(texts, textsOf(fields[key], 0)...)
	}
	return strings.Join(texts, ", ")
}

// textsOf are the texts of a JSON value, of its field message if it is an object that has one.
func textsOf(v any, depth int) []string {
	if depth > 4 {
		return nil
	}
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var all []string
		for _, one := range v {
			all = append(all, textsOf(one, depth+1)...)
		}
		return all
	case map[string]any:
		if message, ok := v["message"]; ok {
			return textsOf(message, depth+1)
		}
		var all []string
		for key, one := range v {
			for _, text := range textsOf(one, depth+1) {
				all = append(all, key+" "+text)
			}
		}
		return all
	}
	return nil
}
