package forge

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/storage/memory"

	"github.com/daemongate/daemongate/gitsource/oneline"
	"github.com/daemongate/daemongate/gitsource/remote"
)

// Where notes are. Each cluster writes a ref of its own, so that no two writers meet. All clusters once shared one ref,
// and git lets no ref stand where another one has its folder: the first cluster that writes its own moves the shared
// one aside, where it is still read.
const (
	// NotesPrefix begins the names of all refs with notes of states.
	NotesPrefix = "refs/notes/daemongate"
	sharedRef   = NotesPrefix
	ownRefs     = NotesPrefix + "/"
	asideRefs   = NotesPrefix + "-before/"
)

// RefOf is the ref with the notes of a cluster: of one without a name it is the ref that all shared. Git takes every
// name: what a ref may not have in it stands as in a URL. No cluster's ref begins with _, so that these names are free.
func RefOf(cluster string) string {
	if cluster == "" {
		return sharedRef
	}
	var name strings.Builder
	for i, c := range []byte(cluster) {
		if plainInRef(c) && (c != '_' || i > 0) && (c != '.' || i > 0 && cluster[i-1] != '.' && i < len(cluster)-1) {
			name.WriteByte(c)
			continue
		}
		fmt.Fprintf(&name, "%%%02X", c)
	}
	safe := name.String()
	if rest, ok := strings.CutSuffix(safe, ".lock"); ok {
		safe = rest + "%2Elock"
	}
	return ownRefs + safe
}

func plainInRef(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.'
}

// RefsOf begins the names of all refs with the notes of clusters whose names match a pattern, in which * and ? stand
// for others. It may begin those of further refs.
func RefsOf(pattern string) string {
	i := 0
	for i < len(pattern) && (plainInRef(pattern[i]) && pattern[i] != '.' && pattern[i] != '_') {
		i++
	}
	return ownRefs + pattern[:i]
}

// ClusterOf is the cluster whose notes a ref has, the opposite of RefOf. One of several clusters has no name; it is not
// ok if the ref has no notes of states, or a name that could not be shown.
func ClusterOf(ref string) (cluster string, ok bool) {
	if ref == sharedRef || strings.HasPrefix(ref, asideRefs) {
		return "", oneline.Of(ref, len(ref)) == ref
	}
	name, ok := strings.CutPrefix(ref, ownRefs)
	if !ok || name == "" || strings.HasPrefix(name, "_") {
		return "", false
	}
	cluster, err := url.PathUnescape(name)
	return cluster, err == nil && RefOf(cluster) == ref && oneline.Of(cluster, len(cluster)) == cluster
}

// moveShared moves the ref that all clusters shared out of the way. It is copied first and then deleted where it was,
// so that nothing is lost whatever happens in between, and whoever comes next goes on from there.
func moveShared(ctx context.Context, to *remote.Remote, server *remote.Conversation, stands plumbing.Hash) error {
	aside := asideRefs + stands.String()[:12]
	if server.Refs[aside] != stands {
		if err := server.Push(memory.NewStorage(), remote.Update{Ref: aside, To: stands}, nil); err != nil {
			return fmt.Errorf("copy of %s: %w", sharedRef, err)
		}
	}
	again, err := to.Write(ctx)
	if err != nil {
		return err
	}
	defer again.Close()
	if again.Refs[sharedRef].IsZero() { // another cluster was quicker
		return nil
	}
	if err := again.Push(nil, remote.Update{Ref: sharedRef, From: stands}, nil); err != nil {
		return fmt.Errorf("%s is copied to %s and stands in the way of %s (git push origin :%s deletes it): %w",
			sharedRef, aside, ownRefs, sharedRef, err)
	}
	return nil
}
