package commitstatus

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/forge/statuses"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/english"
	"github.com/daemongate/daemongate/sync/promotion"
)

// Read is what a status says of a commit, by its state on the host and its text together. What they do not say exactly
// is no state, which lets nothing through.
func Read(state forge.State, text string) promotion.Word {
	switch {
	case strings.HasPrefix(text, partOf):
		if by, rest := commitIn(text, partOf); rest == "" && state == forge.Success {
			return taken(api.Carried, by, api.Complete)
		}
	case strings.HasPrefix(text, carriedBy):
		by, rest := commitIn(text, carriedBy)
		if rest == "" && state != forge.Success { // how it fares is not told
			return taken(api.Carried, by, "")
		}
		return follower(api.Carried, by, rest, state)
	case strings.HasPrefix(text, sameAs):
		by, rest := commitIn(text, sameAs)
		return follower(api.Unchanged, by, rest, state)
	case isWord(text, relapsed):
		if state == forge.Failure {
			return promotion.Word{State: api.Complete, Relapsed: true}
		}
	}
	if own := ownState(state, text); own != "" {
		return promotion.Word{State: own}
	}
	return promotion.Word{}
}

// taken is what is said of a commit that takes over another one's state.
func taken(state api.CommitState, by string, outcome api.CommitState) promotion.Word {
	if by == "" {
		return promotion.Word{}
	}
	return promotion.Word{State: state, By: by, Outcome: outcome}
}

// follower is what is said of a commit that takes over the state of another one, by how that one is.
func follower(state api.CommitState, by, rest string, host forge.State) promotion.Word {
	if is, ok := strings.CutPrefix(rest, whichIs); ok {
		if outcome := ownState(host, is); outcome != "" {
			return taken(state, by, outcome)
		}
		return promotion.Word{}
	}
	how, ok := strings.CutPrefix(rest, which)
	if !ok || host != forge.Failure || !isWord(how, relapsed) {
		return promotion.Word{}
	}
	w := taken(state, by, api.Complete)
	w.Relapsed = w.By != ""
	return w
}

// ownStates are those with which a text may begin.
var ownStates = []api.CommitState{api.Held, api.Applying, api.RollingOut, api.Complete, api.Stuck, api.Failed,
	api.Dropped}

// ownState is the state with which a text begins, if that is one of those that the host's means; empty if not. Some
// hosts have one word for failures and errors.
func ownState(host forge.State, text string) api.CommitState {
	if host == forge.Error {
		host = forge.Failure
	}
	for _, state := range ownStates {
		means := hostState(state)
		if means == forge.Error {
			means = forge.Failure
		}
		if means == host && isWord(text, string(state)) {
			return state
		}
	}
	return ""
}

// isWord reports whether a text begins with a word as Describe writes one: nothing, an explanation or nodes follow.
func isWord(text, word string) bool {
	rest, ok := strings.CutPrefix(text, word)
	return ok && (rest == "" || rest[0] == ':' || rest[0] == ';' || strings.HasPrefix(rest, " ("))
}

var shortHash = regexp.MustCompile(`^[0-9a-f]{7}`)

// commitIn is the commit that a text names behind its beginning, shortened as it is there, and what follows.
func commitIn(text, lead string) (short, rest string) {
	text = strings.TrimPrefix(text, lead)
	short = shortHash.FindString(text)
	return short, text[len(short):]
}

var contextName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)

// speaker is who tells in a context: a cluster and its Sync, namespace/name. A Sync with a context of its own is
// nobody's, and so is one of a cluster without a name.
func speaker(context string) (cluster, sync string, ok bool) {
	parts := strings.Split(context, "/")
	if len(parts) != 4 || parts[0] != first {
		return "", "", false
	}
	for _, part := range parts[1:] {
		if !contextName.MatchString(part) {
			return "", "", false
		}
	}
	return parts[1], parts[2] + "/" + parts[3], true
}

// Clusters are those that tell in statuses of commits, of which each list begins with the newest. The newest status in
// a context counts, of those that one of the creators wrote, if any are given. Clusters without a name that is wanted
// are left out.
func Clusters(by map[string][]statuses.Status, creators []string, wanted func(cluster string) bool,
) map[string]promotion.Cluster {
	all := map[string]promotion.Cluster{}
	strangers := map[string][]string{}
	for commit, list := range by {
		for _, s := range list {
			cluster, sync, ok := speaker(s.Context)
			if !ok || !wanted(cluster) {
				continue
			}
			if _, known := all[cluster]; !known {
				all[cluster] = promotion.Cluster{Syncs: map[string]map[string]promotion.Word{}}
			}
			if !counts(s.Creator, creators) {
				strangers[cluster] = append(strangers[cluster], s.Creator)
				continue
			}
			say(all[cluster].Syncs, sync, commit, s)
		}
	}
	for name, c := range all {
		for _, words := range c.Syncs {
			nameInFull(words)
		}
		if len(c.Syncs) == 0 {
			c.Unread = strangersSay(strangers[name])
			all[name] = c
		}
	}
	return all
}

// counts reports whether what an account wrote counts. Hosts do not tell accounts apart by case.
func counts(creator string, creators []string) bool {
	same := func(c string) bool { return strings.EqualFold(c, creator) }
	return len(creators) == 0 || slices.ContainsFunc(creators, same)
}

// say notes what a status says, unless a newer one has said something.
func say(syncs map[string]map[string]promotion.Word, sync, commit string, s statuses.Status) {
	if syncs[sync] == nil {
		syncs[sync] = map[string]promotion.Word{}
	}
	if _, newer := syncs[sync][commit]; newer {
		return
	}
	w := Read(s.State, s.Description)
	w.Since, w.Told = s.Time, s.Time
	if w.State == api.Held {
		w.Waits = promotion.WaitsOn(s.Description)
	}
	syncs[sync][commit] = w
}

// nameInFull has those that take over another commit's state name that one in full, if it is told of and no other one
// begins alike.
func nameInFull(words map[string]promotion.Word) {
	for commit, w := range words {
		if w.By == "" {
			continue
		}
		other := func(c string) bool { return !strings.HasPrefix(c, w.By) }
		alike := slices.DeleteFunc(slices.Collect(maps.Keys(words)), other)
		if len(alike) == 1 && alike[0] != commit {
			w.By = alike[0]
			words[commit] = w
		}
	}
}

// maxStrangers is how many accounts are named that do not count.
const maxStrangers = 3

// strangersSay is why nothing counts of a cluster about which others wrote alone.
func strangersSay(accounts []string) api.Public {
	slices.Sort(accounts)
	for i, a := range accounts {
		if a == "" {
			accounts[i] = "nobody that the host names"
		}
	}
	return api.Public("its statuses are by " + english.FirstFew(slices.Compact(accounts), maxStrangers, ", ") +
		", and creators does not name that account")
}
