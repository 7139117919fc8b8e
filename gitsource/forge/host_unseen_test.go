package forge_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/forge/forgetest"
	"github.com/daemongate/daemongate/gitsource/hosttest"
)

// A token that may not see the repository, or may not write statuses, is trouble that says what to check, and no
// commit's fault, whatever the host answers and whatever the repository is called. Once it may, everything is told.
func TestATokenThatMayNotIsTrouble(t *testing.T) {
	eachHost(t, func(t *testing.T, p forge.Provider) {
		fake := forgetest.New(p, "platform/commit-not-found", apiToken)
		fake.Push(hash(1), hash(2))
		place, err := forge.Locate(p, strings.Replace(hosts[p].clone, "fleet", "commit-not-found", 1), "", "")
		if err != nil {
			t.Fatal(err)
		}
		h, err := forge.NewHost(place, func(context.Context) (forge.Token,
			error) {
			return forge.Token{Secret: apiToken}, nil
		},
			forge.Options{Client: &http.Client{Transport: fake}})
		if err != nil {
			t.Fatal(err)
		}
		all := append(one(hash(1), forge.Success, "a"), one(hash(2), forge.Success, "b")...)
		for _, may := range []forgetest.Access{forgetest.None, forgetest.Read} {
			fake.Grant(may)
			before := fake.Requests()
			unseen(t, h.Report(t.Context(), all), "platform/commit-not-found")
			if n := fake.Requests() - before; n > 2 {
				t.Errorf("%d requests", n)
			}
		}
		fake.Grant(forgetest.Write)
		if a := h.Report(t.Context(), all); len(a.Told) != 2 || a.Err() != nil {
			t.Errorf("then %+v", a)
		}
	})
}

// unseen checks that no status was given up, and that the trouble says what to look at.
func unseen(t *testing.T, a forge.Answer, repository string) {
	t.Helper()
	if a.Trouble == nil || len(a.Told)+len(a.Refused)+len(a.Unknown)+len(a.Failed) != 0 {
		t.Errorf("%+v", a)
		return
	}
	for _, words := range []string{"token", repository} {
		if !strings.Contains(a.Trouble.Error(), words) {
			t.Errorf("%q is not in: %v", words, a.Trouble)
		}
	}
}

// What GitLab says of a commit that no branch leads to is of the commit, too; what a proxy says is of none.
func TestAnAnswerOfNotFoundIsOfTheCommitOnlyIfItSaysSo(t *testing.T) {
	fake, h := newHost(t, forge.GitLab, hash(1))
	fake.Say(forgetest.Answer{Code: 404, Body: `{"message":"404 References for commit Not Found"}`})
	if a := h.Report(t.Context(), one(hash(1), forge.Success, "x")); len(a.Unknown) != 1 || a.Trouble != nil {
		t.Errorf("%+v", a)
	}
	for _, body := range []string{`{"error":"404 Not Found"}`, "<html>no such page", ""} {
		fake.Say(forgetest.Answer{Code: 404, Body: body})
		unseen(t, h.Report(t.Context(), one(hash(1), forge.Success, "x")), "platform/fleet")
	}
}

// A host that shows the repository when it is asked did not find the commit. One that fails then has not said so.
func TestAHostIsAskedWhatItHasNotFound(t *testing.T) {
	for _, p := range []forge.Provider{forge.Gitea, forge.BitbucketCloud, forge.BitbucketDataCenter} {
		fake, h := newHost(t, p)
		fake.Say(forgetest.Answer{Code: 404})
		if a := h.Report(t.Context(), one(hash(1), forge.Success, "x")); len(a.Unknown) != 1 || a.Trouble != nil {
			t.Errorf("%s: %+v", p, a)
		}
		for _, code := range []int{401, 403, 429, 500, 503} {
			fake.Say(forgetest.Answer{Code: 404}, forgetest.Answer{Code: code})
			unseen(t, h.Report(t.Context(), one(hash(1), forge.Success, "x")), "platform/fleet")
		}
	}
}

// A real Gitea: a commit that it does not know is unknown, a repository that the token may not see is trouble.
func TestGiteaTellsACommitFromARepository(t *testing.T) {
	host := hosttest.Start(t)
	if _, err := host.CreateRepo("fleet"); err != nil {
		t.Fatal(err)
	}
	if err := host.Call(http.MethodPost, "/repos/"+host.User+"/fleet/contents/README",
		map[string]any{"content": "aGk="}, nil); err != nil {
		t.Fatal(err)
	}
	report := func(repository string, scopes ...string) forge.Answer {
		token, err := host.NewToken(scopes...)
		if err != nil {
			t.Fatal(err)
		}
		place, err := forge.Locate(forge.Gitea, host.URL+"/"+host.User+"/"+repository+".git", "", "")
		if err != nil {
			t.Fatal(err)
		}
		h, err := forge.NewHost(place, func(context.Context) (forge.Token, error) {
			return forge.Token{Secret: token},
				nil
		}, forge.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return h.Report(t.Context(), one(hash(1), forge.Success, "x"))
	}
	if a := report("fleet", "write:repository"); len(a.Unknown) != 1 || a.Trouble != nil {
		t.Errorf("%+v", a)
	}
	unseen(t, report("flet", "write:repository"), host.User+"/flet")
	unseen(t, report("fleet", "read:repository"), host.User+"/fleet")
}
