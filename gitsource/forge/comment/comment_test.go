package comment_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/forge/comment"
	"github.com/daemongate/daemongate/gitsource/forge/forgetest"
)

const apiToken = "t0ken-of-the-api"

var clones = map[forge.Provider]string{
	forge.GitHub: "https://git.test/platform/fleet.git", forge.GitLab: "https://git.test/platform/fleet.git",
	forge.Gitea:               "https://git.test/platform/fleet.git",
	forge.BitbucketCloud:      "https://bitbucket.org/platform/fleet.git",
	forge.BitbucketDataCenter: "https://git.test/scm/platform/fleet.git",
}

// eachHost runs a story against every host. The real ones cannot be had in a test: forgetest plays them, as strictly as
// they are documented. It has pull request 7 of the repository's own branch, and 8 from a fork.
func eachHost(t *testing.T, story func(t *testing.T, fake *forgetest.Host, h *forge.Host)) {
	for p, clone := range clones {
		t.Run(string(p), func(t *testing.T) {
			fake := forgetest.New(p, "platform/fleet", apiToken)
			fake.Push(hash(7), hash(8), hash(9))
			fake.Open(forgetest.Pull{Number: 6, Head: hash(7), From: "platform/fleet", Closed: true},
				forgetest.Pull{Number: 5, Head: hash(5), From: "platform/fleet"},
				forgetest.Pull{Number: 7, Head: hash(7), From: "platform/fleet"},
				forgetest.Pull{Number: 8, Head: hash(8), From: "stranger/fleet"})
			story(t, fake, reach(t, fake, p, clone))
		})
	}
}

func reach(t *testing.T, fake *forgetest.Host, p forge.Provider, clone string) *forge.Host {
	t.Helper()
	place, err := forge.Locate(p, clone, "", "")
	if err != nil {
		t.Fatal(err)
	}
	h, err := forge.NewHost(place, func(context.Context) (forge.Token, error) { return forge.Token{Secret: apiToken}, nil },
		forge.Options{Client: &http.Client{Transport: fake}})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func hash(i int) string { return fmt.Sprintf("%012x%028x", i, i) }

func plan(words ...string) comment.Comment {
	c := comment.Comment{Cluster: "production", Sync: "platform/node-agents", Head: "## Plan"}
	for _, w := range words {
		c.Blocks = append(c.Blocks, comment.Block{Name: w, Text: w})
	}
	return c
}

// post posts, and checks what was done and how many comments there are then.
func post(t *testing.T, h *forge.Host, at comment.Target, c comment.Comment, did comment.Deed) comment.Result {
	t.Helper()
	r, err := comment.Post(t.Context(), h, at, c)
	if err != nil || r.Did != did {
		t.Fatalf("%s, want %s: %v", r.Did, did, err)
	}
	return r
}

var onSeven = comment.Target{Number: 7}

// The first plan makes a comment, one that says the same sends nothing, and one that says something else edits the
// comment where it is. Another Sync, and the same one on another cluster, have comments of their own.
func TestOneCommentOfEachSyncAndClusterIsEditedInPlace(t *testing.T) {
	eachHost(t, func(t *testing.T, fake *forgetest.Host, h *forge.Host) {
		fake.Remark(7, "ada", "looks good")
		post(t, h, onSeven, plan("fits on 12 nodes"), comment.Made)
		first := fake.Comments(7)[1]
		if r := post(t, h, onSeven, plan("fits on 12 nodes"), comment.Unchanged); fake.Writes() != 1 || r.ByMarker {
			t.Errorf("%d writes, %+v", fake.Writes(), r)
		}
		post(t, h, onSeven, plan("fits on 11 of 12 nodes"), comment.Edited)
		all := fake.Comments(7)
		if len(all) != 2 || all[1].ID != first.ID || !strings.Contains(all[1].Text, "11 of 12") {
			t.Errorf("%+v", all)
		}
		for _, c := range []comment.Comment{{Cluster: "staging", Sync: "platform/node-agents"},
			{Cluster: "production", Sync: "platform/others"}} {
			post(t, h, onSeven, c, comment.Made)
			post(t, h, onSeven, c, comment.Unchanged)
		}
		if all := fake.Comments(7); len(all) != 4 || !strings.Contains(all[1].Text, "11 of 12") {
			t.Errorf("%+v", all)
		}
	})
}

// Our comment is found behind many others, page by page, and so is the pull request of a commit.
func TestListsAreReadPageByPage(t *testing.T) {
	eachHost(t, func(t *testing.T, fake *forgetest.Host, h *forge.Host) {
		fake.Pages(3)
		for i := range 10 {
			fake.Open(forgetest.Pull{Number: 20 + i, Head: hash(20 + i), From: "platform/fleet"})
			fake.Remark(29, "ada", fmt.Sprint("remark ", i))
		}
		fake.Push(hash(29))
		at := comment.Target{Commit: hash(29)}
		if r := post(t, h, at, plan("a"), comment.Made); r.Number != 29 {
			t.Errorf("on %d", r.Number)
		}
		for i := range 10 {
			fake.Remark(29, "ada", fmt.Sprint("remark ", 10+i))
		}
		post(t, h, at, plan("b"), comment.Edited)
		if all := fake.Comments(29); len(all) != 21 || !strings.Contains(all[10].Text, "\nb") {
			t.Errorf("%+v", all)
		}
	})
}

// Without a number it is the open pull request whose head the commit is. There may be none, which is no error, or two,
// of which somebody has to choose.
func TestThePullRequestOfACommit(t *testing.T) {
	eachHost(t, func(t *testing.T, fake *forgetest.Host, h *forge.Host) {
		if r := post(t, h, comment.Target{Commit: hash(7)}, plan("a"), comment.Made); r.Number != 7 {
			t.Errorf("on %d", r.Number)
		}
		post(t, h, comment.Target{Commit: hash(9)}, plan("a"), comment.NoPull)
		fake.Open(forgetest.Pull{Number: 11, Head: hash(7), From: "platform/fleet"})
		_, err := comment.Post(t.Context(), h, comment.Target{Commit: hash(7)}, plan("a"))
		if err == nil || !strings.Contains(err.Error(), "7 and 11") {
			t.Errorf("of two: %v", err)
		}
		if _, err := comment.Post(t.Context(), h, comment.Target{Commit: "abc"}, plan("a")); err == nil {
			t.Error("abc is taken for a commit")
		}
	})
}

// A pull request from a fork gets no comment unless that is allowed, and neither does one of which nobody can say where
// it is from.
func TestAForkGetsNoComment(t *testing.T) {
	eachHost(t, func(t *testing.T, fake *forgetest.Host, h *forge.Host) {
		fake.Open(forgetest.Pull{Number: 12, Head: hash(12)})
		for _, at := range []comment.Target{{Number: 8}, {Number: 12}, {Commit: hash(8)}} {
			post(t, h, at, plan("secret node names"), comment.FromFork)
		}
		if fake.Writes() != 0 {
			t.Errorf("%d writes", fake.Writes())
		}
		post(t, h, comment.Target{Number: 8, Forks: true}, plan("a"), comment.Made)
	})
}

// Whoever may read a repository on Gitea can push a pull request to refs/for: its head is in the repository itself, and
// it is from a fork all the same.
func TestAPullRequestWithoutABranchIsFromAFork(t *testing.T) {
	fake := forgetest.New(forge.Gitea, "platform/fleet", apiToken)
	fake.Open(forgetest.Pull{Number: 7, Head: hash(7), From: "platform/fleet", Ref: true})
	post(t, reach(t, fake, forge.Gitea, clones[forge.Gitea]), onSeven, plan("a"), comment.FromFork)
}

// Somebody else's comment with our marker is not ours, even if we might edit it: it is neither edited nor taken for what
// we have said.
func TestACopiedMarkerIsNotOurs(t *testing.T) {
	eachHost(t, func(t *testing.T, fake *forgetest.Host, h *forge.Host) {
		fake.Moderate()
		post(t, h, onSeven, plan("b"), comment.Made)
		copied := fake.Comments(7)[0].Text
		fake.Open(forgetest.Pull{Number: 9, Head: hash(9), From: "platform/fleet"})
		fake.Remark(9, "stranger", copied)
		at := comment.Target{Number: 9}
		post(t, h, at, plan("b"), comment.Made)
		post(t, h, at, plan("b2"), comment.Edited)
		all := fake.Comments(9)
		if len(all) != 2 || all[0].Text != copied || !strings.Contains(all[1].Text, "b2") {
			t.Errorf("%+v", all)
		}
	})
}

// Where the host does not tell whose the token is our comment is known by its marker, which is said. A copy that we may
// not edit keeps us from nothing.
func TestWithoutANameTheMarkerAloneTells(t *testing.T) {
	eachHost(t, func(t *testing.T, fake *forgetest.Host, h *forge.Host) {
		fake.Hide()
		post(t, h, onSeven, plan("b"), comment.Made)
		fake.Open(forgetest.Pull{Number: 9, Head: hash(9), From: "platform/fleet"})
		fake.Remark(9, "stranger", fake.Comments(7)[0].Text)
		at := comment.Target{Number: 9}
		if r := post(t, h, at, plan("a"), comment.Made); !r.ByMarker {
			t.Error("the marker is not said to be all there is")
		}
		post(t, h, at, plan("a2"), comment.Edited)
		if all := fake.Comments(9); len(all) != 2 || !strings.Contains(all[1].Text, "a2") {
			t.Errorf("%+v", all)
		}
	})
}

// An Action's token may not ask whose it is, and may edit what persons wrote: on GitHub a person's comment is never ours
// then.
func TestAnActionsTokenEditsNoPersonsComment(t *testing.T) {
	fake := forgetest.New(forge.GitHub, "platform/fleet", apiToken)
	fake.Hide()
	fake.Moderate()
	fake.Open(forgetest.Pull{Number: 7, Head: hash(7), From: "platform/fleet"})
	h := reach(t, fake, forge.GitHub, clones[forge.GitHub])
	post(t, h, onSeven, plan("a"), comment.Made)
	fake.Open(forgetest.Pull{Number: 9, Head: hash(9), From: "platform/fleet"})
	fake.Remark(9, "ada", fake.Comments(7)[0].Text)
	post(t, h, comment.Target{Number: 9}, plan("a"), comment.Made)
}

// A comment that was edited meanwhile has a new version on Bitbucket Data Center, which is looked up once more.
func TestAnEditOfAnOlderVersionIsTriedAgain(t *testing.T) {
	fake := forgetest.New(forge.BitbucketDataCenter, "platform/fleet", apiToken)
	fake.Open(forgetest.Pull{Number: 7, Head: hash(7), From: "platform/fleet"})
	h := reach(t, fake, forge.BitbucketDataCenter, clones[forge.BitbucketDataCenter])
	post(t, h, onSeven, plan("a"), comment.Made)
	fake.Between(func() { fake.Edit(fake.Comments(7)[0].ID) })
	post(t, h, onSeven, plan("b"), comment.Edited)
}

// What does not fit is left out block by block, with a line that names it; nothing is cut in the middle, and a later
// block that fits stays.
func TestWhatDoesNotFitIsLeftOutWhole(t *testing.T) {
	eachHost(t, func(t *testing.T, fake *forgetest.Host, h *forge.Host) {
		long := strings.Repeat("é🚀", 5_000)
		c := comment.Comment{Cluster: "production", Sync: "platform/node-agents", Head: "## Plan"}
		for i := range 70 {
			name := fmt.Sprint("DaemonSet platform/agent-", i)
			c.Blocks = append(c.Blocks, comment.Block{Name: name, Text: fmt.Sprintf("begin-%d %s end-%d", i, long, i)})
		}
		c.Blocks = append(c.Blocks, comment.Block{Name: "last", Text: "the last one is short"})
		r := post(t, h, onSeven, c, comment.Made)
		text := fake.Comments(7)[0].Text
		if len(r.LeftOut) == 0 || strings.Count(text, "begin-") != strings.Count(text, "end-") ||
			strings.Count(text, "begin-")+len(r.LeftOut) != 70 || len(r.LeftOut) == 70 || !strings.Contains(text, "the last one is short") ||
			!strings.Contains(text, "Left out: `"+r.LeftOut[0]+"`") {
			t.Errorf("left out %v of %d characters", r.LeftOut, len(text))
		}
		post(t, h, onSeven, c, comment.Unchanged)
	})
}

// As much as a host takes is used, to the last block, and the host takes it.
func TestACommentOfExactlyTheLimit(t *testing.T) {
	fake := forgetest.New(forge.GitHub, "platform/fleet", apiToken)
	fake.Open(forgetest.Pull{Number: 7, Head: hash(7), From: "platform/fleet"})
	h := reach(t, fake, forge.GitHub, clones[forge.GitHub])
	fits := 0
	for size := 65_300; size < 65_600; size += 10 {
		r, err := comment.Post(t.Context(), h, onSeven, plan(strings.Repeat("x", size)))
		if err != nil {
			t.Fatalf("%d: %v", size, err)
		}
		if len(r.LeftOut) == 0 {
			fits = size
		}
	}
	if fits < 65_400 || fits > 65_500 {
		t.Errorf("%d characters fit", fits)
	}
	head := plan()
	head.Head = strings.Repeat("x", 70_000)
	if _, err := comment.Post(t.Context(), h, onSeven, head); err == nil || !strings.Contains(err.Error(), "65536") {
		t.Errorf("a head that is too long: %v", err)
	}
}

// A limit that is over soon is waited for, once; for a long one nobody waits, and the error says how long it is.
func TestALimitThatIsOverSoonIsWaitedFor(t *testing.T) {
	eachHost(t, func(t *testing.T, fake *forgetest.Host, _ *forge.Host) {
		provider := forge.Provider(t.Name()[strings.LastIndex(t.Name(), "/")+1:])
		synctest.Test(t, func(t *testing.T) {
			h := reach(t, fake, provider, clones[provider])
			began := time.Now()
			fake.Say(forgetest.Answer{Code: 429, Header: map[string]string{"Retry-After": "30"}})
			post(t, h, onSeven, plan("a"), comment.Made)
			if took := time.Since(began); took < 30*time.Second || took > time.Minute {
				t.Errorf("took %v", took)
			}
			fake.Say(forgetest.Answer{Code: 429, Header: map[string]string{"Retry-After": "1200"}})
			_, err := comment.Post(t.Context(), h, onSeven, plan("b"))
			if err == nil || !strings.Contains(err.Error(), "20m") || !strings.Contains(err.Error(), "rate limit") {
				t.Errorf("%v", err)
			}
		})
	})
}

// A token without the right, a number that is none, a host that is down and one that redirects elsewhere are errors that
// say what to check, and nothing of the token.
func TestWhatKeepsAHostFromTakingAComment(t *testing.T) {
	eachHost(t, func(t *testing.T, fake *forgetest.Host, h *forge.Host) {
		fails := func(at comment.Target, words ...string) {
			t.Helper()
			_, err := comment.Post(t.Context(), h, at, plan("a"))
			if err == nil || strings.Contains(err.Error(), apiToken) {
				t.Fatalf("%v", err)
			}
			for _, w := range words {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q is not in: %v", w, err)
				}
			}
		}
		fails(comment.Target{Number: 99}, "pull request 99", "404")
		fake.Grant(forgetest.Read)
		fails(onSeven, "403", "may not comment on pull requests of platform/fleet")
		fake.Grant(forgetest.None)
		fails(onSeven, "404", "may comment on pull requests of")
		fake.Grant(forgetest.Write)
		fake.Say(forgetest.Answer{Code: 302, Header: map[string]string{"Location": "https://elsewhere.test/" + apiToken}})
		fails(onSeven, "redirects elsewhere")
		fake.Say(forgetest.Answer{Code: 200, Body: "<html>" + apiToken})
		fails(onSeven, "not JSON")
		fake.Say(forgetest.Answer{Code: 403, Body: `{"message":"` + apiToken + ` may not"}`})
		fails(onSeven, "403")
		fake.Down(true)
		fails(onSeven, "503")
		fake.Down(false)
		fake.Rotate("another")
		fails(onSeven, "401", "token")
		if fake.Writes() != 0 {
			t.Errorf("%d writes", fake.Writes())
		}
	})
}

// A comment of nobody would be found by nobody.
func TestACommentIsForASync(t *testing.T) {
	eachHost(t, func(t *testing.T, fake *forgetest.Host, h *forge.Host) {
		if _, err := comment.Post(t.Context(), h, onSeven, comment.Comment{}); err == nil || fake.Requests() != 0 {
			t.Errorf("%v", err)
		}
	})
}
