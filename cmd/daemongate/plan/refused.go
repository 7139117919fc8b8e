package plan

import (
	"errors"
	"strings"

	"github.com/daemongate/daemongate/cmd/daemongate/plan/answer"
	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/rollout/plan"
	"github.com/daemongate/daemongate/rollout/words"
)

const apiServer = "the API server"

// sort tells what would be refused from what the caller may not ask, which is noted, and from an error. Whoever asks
// with the rights of the Sync finds out what the Sync may not.
func (c *cluster) sort(problem error) (refused []answer.Refused, rest error) {
	for _, err := range each(problem) {
		var r *manifests.Rejected
		switch {
		case !errors.As(err, &r):
			rest = errors.Join(rest, err)
		case r.Reason == manifests.ReasonForbidden && !c.asSync:
			c.note("%s: %s", r.Object, words.Clip(r.Message, 200))
		default:
			refused = append(refused, answer.Refused{Object: r.Object.String(), Refusal: plan.Refusal{By: by(r.Reason),
				Why: r.Message}})
		}
	}
	return refused, rest
}

func by(r manifests.Reason) string {
	switch r {
	case manifests.ReasonDenied:
		return "admission"
	case manifests.ReasonForbidden:
		return "the API server, by the rights of whom the Sync applies as"
	case manifests.ReasonOwned:
		return "Daemongate"
	}
	return apiServer
}

// addConflict tells of fields that somebody else has. A Sync would not take them over; who applies it otherwise may.
func (c *cluster) addConflict(m manifests.Merged, ofSync bool) {
	why := strings.ReplaceAll(m.Conflict.Error(), m.Object.String()+": ", "")
	if !ofSync {
		c.note("%s: %s", m.Object, why)
		return
	}
	c.refused = append(c.refused, answer.Refused{Object: m.Object.String(), Refusal: plan.Refusal{By: "Daemongate",
		Why: why}})
}

// each are the errors that one joins.
func each(err error) []error {
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		if err == nil {
			return nil
		}
		return []error{err}
	}
	var all []error
	for _, one := range joined.Unwrap() {
		all = append(all, each(one)...)
	}
	return all
}
