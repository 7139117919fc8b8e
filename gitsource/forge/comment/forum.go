package comment

import (
	"context"
	"regexp"
	"strings"

	"github.com/daemongate/daemongate/gitsource/forge"
)

// forum is what is different from host to host.
type forum interface {
	// headed lists pull requests of which some may have a commit as their head.
	headed(ctx context.Context, commit string) ([]pull, error)
	pull(ctx context.Context, number int) (pull, error)
	// self is who the token is of, as authors of comments are named; empty if the host does not say.
	self(ctx context.Context) (string, error)
	// comments are those of a pull request, oldest first.
	comments(ctx context.Context, number int) ([]note, error)
	make(ctx context.Context, number int, text string) error
	edit(ctx context.Context, number int, n note, text string) error
}

func forumOf(a *asker) forum {
	switch a.caller.Place().Provider {
	case forge.GitHub:
		return github{a}
	case forge.GitLab:
		return gitlab{a}
	case forge.BitbucketCloud:
		return bitbucketCloud{a}
	case forge.BitbucketDataCenter:
		return bitbucketDataCenter{a}
	}
	return gitea{a}
}

// pull is a pull request, or what a host calls so.
type pull struct {
	number int
	open   bool
	head   string // the hash of its head, which may be shortened
	// fork is set unless it is certain that the head is in the same repository.
	fork bool
}

var fullHash = regexp.MustCompile(`^[0-9a-f]{40}$`)

// isHead compares hashes. Bitbucket Cloud tells the first twelve digits.
func (p pull) isHead(commit string) bool {
	return len(p.head) >= 12 && strings.HasPrefix(commit, p.head)
}

// note is a comment as the host has it.
type note struct {
	id      int64
	version int // Bitbucket Data Center edits the newest version only
	author  string
	// robot is set of what no person wrote, where the host says so, and of everything where it does not.
	robot bool
	body  string
}

// ours are the comments that begin with a marker and were written by ourselves. Where the host does not say who we are
// the token is no person's, so a person's comment is not ours.
func ours(all []note, self, marker string) []note {
	var own []note
	for _, n := range all {
		first, _, _ := strings.Cut(normal(n.body), "\n")
		byUs := n.author == self
		if self == "" {
			byUs = n.robot
		}
		if byUs && first == marker {
			own = append(own, n)
		}
	}
	return own
}

// same reports whether a host has a text already: hosts keep line ends and space at the end as they like.
func same(a, b string) bool { return normal(a) == normal(b) }

func normal(text string) string {
	return strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
}
