package forge

import (
	"errors"
	"fmt"
	"regexp"
)

var fullHash = regexp.MustCompile(`^[0-9a-f]{40}$`)

// valid tells what can be reported, made fit to be shown, from what cannot, and why.
func valid(statuses []Status) (good []Status, refused []Refusal) {
	for _, s := range statuses {
		s = s.sanitised()
		switch {
		case !fullHash.MatchString(s.Commit):
			refused = append(refused, Refusal{s, errors.New("not a full hash")})
		case s.Context == "":
			refused = append(refused, Refusal{s, errors.New("it has no context")})
		case !s.State.known():
			refused = append(refused, Refusal{s, fmt.Errorf("unknown state %q", s.State)})
		default:
			good = append(good, s)
		}
	}
	return good, refused
}
