package promotion

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/english"
	"github.com/daemongate/daemongate/sync/gate"
)

// Clusters are other clusters, as they were seen at one look at what they have told: in notes, or in the statuses of
// commits.
type Clusters struct {
	// At is when the server was asked; zero if it was not yet.
	At time.Time
	// Asked are the commits, by hash, of which it was asked; nil if of all. What was told earlier of another one may be
	// known, and lets it not start.
	Asked map[string]bool
	// Trouble is why what they have told cannot be read now; nil if it can. Then nothing starts after them.
	Trouble error
	// Known are those that have told something, by name.
	Known map[string]Cluster
}

// Cluster is one of them.
type Cluster struct {
	// Unread is why nothing of it counts, as in "the notes cannot be read"; empty if it does.
	Unread api.Public
	// Refused are the Secrets with signers by which its notes do not count, with why, as in "the notes are not signed".
	Refused map[string]api.Public
	// Syncs are what its Syncs have said, by namespace/name, of commits, by hash.
	Syncs map[string]map[string]Word
}

// Since is a look that follows another one: since when each word counts. Clocks of others may be wrong, so what was
// otherwise at the look before began after that, whatever they say, and nothing begins later than it was seen.
func (c Clusters) Since(before Clusters) Clusters {
	for name, cluster := range c.Known {
		for sync, words := range cluster.Syncs {
			for commit, w := range words {
				old, known := before.Known[name].Syncs[sync][commit]
				switch {
				case known && old.says() == w.says():
					w.Since = old.Since
				case w.Since.Before(before.At):
					w.Since = before.At
				case w.Since.After(c.At):
					w.Since = c.At
				}
				words[commit] = w
			}
		}
	}
	return c
}

// says is a word without the time from which it counts here.
func (w Word) says() Word {
	w.Since, w.Told = time.Time{}, w.Told.UTC()
	return w
}

// ClusterRule is one entry of spec.gate.after about clusters.
type ClusterRule struct {
	Pattern string
	Sync    string // name or namespace/name; empty for all
	Count   int
	Budget  int // how many may be in trouble
	Soak    time.Duration
	// Signers is the Secret with those whose signature the notes need; empty if they need none.
	Signers string
	// Where is where they tell, as in "in this repository".
	Where string

	own      string // this cluster
	clusters Clusters

	names   []string              // of those that it is about
	trouble map[string]api.Public // of those that are in trouble with one of the commits that wait
}

// look finds out what does not depend on which commit it is that waits.
func (r ClusterRule) look(waiting []gate.Commit) *ClusterRule {
	r.names, r.trouble = r.named(), map[string]api.Public{}
	for _, name := range r.names {
		c := r.clusters.Known[name]
		if c.obstacle(r.Signers) != "" {
			continue
		}
		for _, sync := range slices.Sorted(maps.Keys(c.Syncs)) {
			if trouble := troubleIn(c.Syncs[sync], waiting); r.isOf(sync) && trouble != "" {
				r.trouble[name] = trouble
			}
		}
	}
	return &r
}

// obstacle is why nothing that a cluster has told counts; empty if it does.
func (c Cluster) obstacle(signers string) api.Public { return cmp.Or(c.Unread, c.Refused[signers]) }

// Matches reports whether a cluster's name matches a pattern in which * stands for any characters and ? for one.
func Matches(pattern, name string) bool {
	whole := strings.NewReplacer("/", "\x00", `\`, "\x01", "[", "\x02") // no other sign is a special one
	ok, err := path.Match(whole.Replace(pattern), whole.Replace(name))
	return ok && err == nil
}

// standing is how a commit stands in one cluster.
type standing struct {
	name    string
	through bool
	ripe    time.Time // from when on it is through, if it only soaks
	lacks   string    // what is said of it otherwise, as in "is Held since …"
}

// waits says why a commit may not start yet by this rule; empty if it may.
func (r *ClusterRule) waits(commit string) (why api.Message, changes time.Time) {
	if err := r.clusters.Trouble; err != nil {
		m := api.ForAll(api.Public(r.wanted() + ": what has been told there cannot be read now"))
		return m.And(api.Message{Private: api.TextOf(err)}), time.Time{}
	}
	if r.clusters.At.IsZero() {
		return api.ForAll(api.Public(r.wanted() + ": what has been told there is not known yet")), time.Time{}
	}
	unasked := r.clusters.Asked != nil && !r.clusters.Asked[commit]
	through := 0
	var lacking, troubled []standing
	for _, name := range r.names {
		s := r.standingOf(name, commit)
		switch trouble := r.trouble[name]; {
		case trouble != "":
			s.lacks, s.ripe = string(trouble), time.Time{}
			troubled = append(troubled, s)
		case s.through:
			through++
		default:
			lacking = append(lacking, s)
		}
	}
	switch {
	case len(troubled) > r.Budget:
		return r.sayTrouble(troubled), time.Time{}
	case unasked:
		m := api.ForAll(api.Public(r.wanted() + " to have " + api.Short(commit) + " Complete"))
		m.Private += ": newer ones were asked for before it"
		return m, time.Time{}
	case through >= r.Count:
		return api.Message{}, time.Time{}
	}
	return r.sayLacking(commit, through, append(troubled, lacking...)), r.ripens(through, lacking)
}

// wanted says for whom is waited.
func (r ClusterRule) wanted() string {
	if r.Count == 1 && !strings.ContainsAny(r.Pattern, "*?") {
		return "waits for cluster " + r.Pattern + r.there()
	}
	return fmt.Sprintf("waits for %s %s%s", english.Count(r.Count, "cluster"), r.Pattern, r.there())
}

func (r ClusterRule) there() string {
	if r.Sync == "" {
		return ""
	}
	return " (Sync " + r.Sync + ")"
}

// named are the clusters that the rule is about. A cluster does not wait for itself.
func (r ClusterRule) named() (names []string) {
	for _, name := range slices.Sorted(maps.Keys(r.clusters.Known)) {
		if name != r.own && Matches(r.Pattern, name) {
			names = append(names, name)
		}
	}
	return names
}

// maxLacking is how many clusters are named that lack a commit.
const maxLacking = 5

// sayTrouble says which clusters close the gate.
func (r ClusterRule) sayTrouble(troubled []standing) api.Message {
	var names []string
	for _, s := range troubled {
		names = append(names, s.name+" "+s.lacks)
	}
	budget := ""
	if r.Budget > 0 {
		budget = fmt.Sprintf(", and %d may be in trouble", r.Budget)
	}
	return api.ForAll(api.Public(r.wanted() + ": " + english.FirstFew(names, maxLacking, "; ") + budget))
}

// sayLacking says which clusters lack a commit. What everybody is told changes with the commit alone: each change is a
// push, and all clusters wait for the same ones.
func (r ClusterRule) sayLacking(commit string, through int, lacking []standing) api.Message {
	have := fmt.Sprintf("%s to have %s Complete", r.wanted(), api.Short(commit))
	if r.Soak > 0 {
		have += " for " + english.Span(r.Soak)
	}
	m := api.ForAll(api.Public(have))
	var names []string
	for _, s := range lacking {
		names = append(names, s.name+" "+s.lacks)
	}
	known := through + len(lacking)
	m.Private += fmt.Sprintf(": %d of %d", through, r.Count)
	switch {
	case known == 0:
		m.Private += "; no cluster of that name has told anything " + r.Where + r.itself()
	case known < r.Count:
		m.Private += fmt.Sprintf("; only %s of that name has told anything %s%s",
			english.Count(known, "cluster"), r.Where, r.itself())
	}
	if len(names) > 0 {
		m.Private += " (" + english.FirstFew(names, maxLacking, "; ") + ")"
	}
	return m
}

// itself says that this cluster, which has such a name, does not count.
func (r ClusterRule) itself() string {
	if Matches(r.Pattern, r.own) {
		return ", and " + r.own + ", which is this one, does not count"
	}
	return ""
}

// ripens is when enough clusters are through if nothing but time passes; zero if never.
func (r ClusterRule) ripens(through int, lacking []standing) time.Time {
	var ripe []time.Time
	for _, s := range lacking {
		if !s.ripe.IsZero() {
			ripe = append(ripe, s.ripe)
		}
	}
	if len(ripe) < r.Count-through {
		return time.Time{}
	}
	slices.SortFunc(ripe, time.Time.Compare)
	return ripe[r.Count-through-1]
}

// standingOf is how a commit stands in a cluster.
func (r ClusterRule) standingOf(name, commit string) standing {
	s, c := standing{name: name}, r.clusters.Known[name]
	if why := c.obstacle(r.Signers); why != "" {
		s.lacks = "does not count: " + string(why)
		return s
	}
	said, soaks := false, time.Time{}
	for _, sync := range slices.Sorted(maps.Keys(c.Syncs)) {
		words := c.Syncs[sync]
		if _, ok := words[commit]; !ok || !r.isOf(sync) {
			continue
		}
		said = true
		w := resolved(words, commit)
		if w.State != api.Complete {
			s.lacks = w.lacks()
			if way := r.circle(name, commit); way != "" {
				s.lacks += ", and waits for this one in turn (" + way + ")" + breakCircle
			}
			return s
		}
		if ripe := w.Since.Add(r.Soak); r.clusters.At.Before(ripe) && soaks.Before(ripe) {
			soaks = ripe
		}
	}
	switch {
	case !said:
		s.lacks = "has said nothing of it"
	case soaks.IsZero():
		s.through = true
	default:
		s.ripe, s.lacks = soaks, "soaks until "+soaks.UTC().Format(time.RFC3339)
	}
	return s
}

// lacks is what is said of a commit that is not Complete somewhere.
func (w Word) lacks() string {
	since := w.Told.UTC().Format(time.RFC3339)
	switch {
	case w.State != "":
		return fmt.Sprintf("is %s since %s", w.State, since)
	case w.By != "":
		return fmt.Sprintf("is not Complete with %s, which carries it, since %s", api.Short(w.By), since)
	}
	return "has told a state in other words than Daemongate's, at " + since
}

// circle is the way by which a cluster waits, with a commit, for this one; empty if it does not, or that cannot be
// seen.
func (r ClusterRule) circle(name, commit string) string {
	seen := map[string]bool{}
	var from func(name string) []string
	from = func(name string) []string {
		if seen[name] {
			return nil
		}
		seen[name] = true
		for _, words := range r.clusters.Known[name].Syncs {
			pattern := words[commit].Waits
			if pattern == "" {
				continue
			}
			if r.own != "" && r.own != name && Matches(pattern, r.own) {
				return []string{name, r.own}
			}
			for other := range r.clusters.Known {
				if other == name || !Matches(pattern, other) {
					continue
				}
				if way := from(other); way != nil {
					return append([]string{name}, way...)
				}
			}
		}
		return nil
	}
	way := from(name)
	if way == nil {
		return ""
	}
	return strings.Join(append([]string{r.own}, way...), " waits for ")
}

// WaitsOn is the pattern of the clusters that a commit waits for, by what was told of it; empty if it does not say so.
func WaitsOn(told string) string {
	for _, lead := range []string{"waits for cluster ", "waits for 1 cluster "} {
		if _, rest, ok := strings.Cut(told, lead); ok {
			return firstWord(rest)
		}
	}
	_, rest, ok := strings.Cut(told, "waits for ")
	if number, rest, found := strings.Cut(rest, " clusters "); ok && found && strings.Trim(number, "0123456789") == "" {
		return firstWord(rest)
	}
	return ""
}

func firstWord(text string) string {
	word, _, _ := strings.Cut(text, " ")
	return strings.TrimSuffix(word, ":")
}

// isOf reports whether the rule is about a Sync, by its namespace/name.
func (r ClusterRule) isOf(sync string) bool {
	return r.Sync == "" || r.Sync == sync || strings.HasSuffix(sync, "/"+r.Sync) && !strings.Contains(r.Sync, "/")
}

// troubleIn says what a Sync's trouble is with the newest commit of some that it has begun with; empty if there is
// none.
func troubleIn(words map[string]Word, all []gate.Commit) api.Public {
	for _, c := range slices.Backward(all) {
		if _, ok := words[c.Hash]; !ok {
			continue
		}
		w := resolved(words, c.Hash)
		switch {
		case w.Relapsed:
			return api.Public("has relapsed at " + api.Short(c.Hash))
		case w.Ailing:
			return api.Public("is no longer well at " + api.Short(c.Hash))
		case w.State == api.Stuck:
			return api.Public("is stuck at " + api.Short(c.Hash))
		case w.State == api.Complete || w.State == api.RollingOut || w.State == api.Applying:
			return ""
		}
	}
	return ""
}

// resolved is what a word comes to: of a commit that takes over another's state, that one's.
func resolved(words map[string]Word, commit string) Word {
	w := words[commit]
	if w.By == "" {
		return w
	}
	by, ok := words[w.By]
	state, since := w.comesTo(words)
	w.State, w.Since = state, since
	w.Relapsed = w.Relapsed || ok && by.By == "" && by.Relapsed
	w.Ailing = w.Ailing || ok && by.By == "" && by.Ailing
	if ok && by.By == "" {
		w.Told = by.Told
	}
	return w
}
