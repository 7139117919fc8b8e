package forge_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/forge/forgetest"
)

// The real hosts cannot be had in a test: forgetest plays them, as strictly as they are documented.
var hosts = map[forge.Provider]struct {
	clone, pending, waiting, success, failure, failed string
	name                                              string // of the context "daemongate/test"
}{
	forge.GitHub: {"https://git.test/platform/fleet.git", "pending", "pending", "success", "failure",
		"error", "daemongate/test"},
	forge.GitLab: {"https://git.test/platform/fleet.git", "running", "pending", "success", "failed",
		"failed", "daemongate/test"},
	forge.Gitea: {"https://git.test/platform/fleet.git", "pending", "pending", "success", "failure",
		"error", "daemongate/test"},
	forge.BitbucketCloud: {"https://bitbucket.org/platform/fleet.git", "INPROGRESS", "INPROGRESS", "SUCCESSFUL",
		"FAILED", "FAILED", "daemongate/test"},
	forge.BitbucketDataCenter: {"https://git.test/scm/platform/fleet.git", "INPROGRESS", "INPROGRESS", "SUCCESSFUL",
		"FAILED", "FAILED", "daemongate/test"},
}

const apiToken = "t0ken-of-the-api"

// newHost is a host that knows some commits, and a reporter to it.
func newHost(t *testing.T, p forge.Provider, commits ...string) (*forgetest.Host, *forge.Host) {
	t.Helper()
	fake := forgetest.New(p, "platform/fleet", apiToken)
	fake.Push(commits...)
	return fake, reporter(t, fake, p, func(context.Context) (forge.Token, error) {
		return forge.Token{Secret: apiToken},
			nil
	})
}

func reporter(t *testing.T, fake *forgetest.Host, p forge.Provider, tokens forge.TokenSource) *forge.Host {
	t.Helper()
	place, err := forge.Locate(p, hosts[p].clone, "", "")
	if err != nil {
		t.Fatal(err)
	}
	h, err := forge.NewHost(place, tokens, forge.Options{Client: &http.Client{Transport: fake}})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func hash(i int) string { return fmt.Sprintf("%040x", i) }

func one(commit string, state forge.State, text string) []forge.Status {
	return []forge.Status{{Commit: commit, Context: "daemongate/test", State: state, Description: text}}
}

// eachHost runs a story against every host.
func eachHost(t *testing.T, story func(t *testing.T, p forge.Provider)) {
	for p := range hosts {
		t.Run(string(p), func(t *testing.T) { story(t, p) })
	}
}

// Every state stands on the commit in the host's own words, and one that is told twice is told.
func TestStatesInTheWordsOfEachHost(t *testing.T) {
	eachHost(t, func(t *testing.T, p forge.Provider) {
		fake, h := newHost(t, p, hash(1), hash(2), hash(3))
		under := one(hash(1), forge.Pending, "RollingOut")
		under[0].Underway = true
		for _, step := range []struct {
			say  []forge.Status
			want string
		}{
			{one(hash(1), forge.Pending, "Held"), hosts[p].waiting},
			{under, hosts[p].pending},
			{under, hosts[p].pending},
			{one(hash(1), forge.Success, "Complete"), hosts[p].success},
			{one(hash(1), forge.Success, "Complete"), hosts[p].success},
			{one(hash(2), forge.Failure, "Stuck"), hosts[p].failure},
			{one(hash(3), forge.Error, "Failed"), hosts[p].failed},
		} {
			if a := h.Report(t.Context(), step.say); len(a.Told) != 1 || a.Err() != nil {
				t.Fatalf("%s %s: %+v", step.say[0].State, step.say[0].Description, a)
			}
			if got := fake.Last(step.say[0].Commit, hosts[p].name); got.State != step.want {
				t.Errorf("%s is told as %q, want %q", step.say[0].State, got.State, step.want)
			}
		}
	})
}

// Texts that are too long for a host, or that it does not like, are cut to what it takes: between characters, and two
// contexts that begin alike stay two.
func TestTextsAreCutToWhatTheHostTakes(t *testing.T) {
	eachHost(t, func(t *testing.T, p forge.Provider) {
		fake, h := newHost(t, p, hash(1))
		long := "daemongate/" + strings.Repeat("cluster", 8) + "/platform/"
		for _, end := range []string{"a", "b"} {
			a := h.Report(t.Context(), []forge.Status{{Commit: hash(1), Context: long + end, State: forge.Pending,
				Description: "Stuck 🚀: " + strings.Repeat("ünïcödé\n", 60), URL: "https://dash.test/" +
					strings.Repeat("x", 600)}})
			if a.Err() != nil {
				t.Fatal(a.Err())
			}
		}
		found := 0
		for _, key := range []string{long + "a", long + "b", bitbucketKey(long + "a"), bitbucketKey(long + "b")} {
			got := fake.Last(hash(1), key)
			if got.State == "" {
				continue
			}
			if found++; !utf8.ValidString(got.Description) || !strings.HasSuffix(got.Description, "…") {
				t.Errorf("described as %q", got.Description)
			}
		}
		if found != 2 {
			t.Errorf("%d contexts, want 2", found)
		}
	})
}

// The token expires, or its Secret is rotated, while the process runs: it is read again, and a token that stays wrong
// is trouble that says what to do and nothing of the token.
func TestAnExpiredTokenIsRenewed(t *testing.T) {
	eachHost(t, func(t *testing.T, p forge.Provider) {
		fake := forgetest.New(p, "platform/fleet", "first-t0ken")
		fake.Push(hash(1), hash(2))
		asked, token := 0, "first-t0ken"
		h := reporter(t, fake, p, func(context.Context) (forge.Token, error) {
			if asked++; asked == 3 {
				token = "second-t0ken"
			}
			return forge.Token{Secret: token}, nil
		})
		if a := h.Report(t.Context(), one(hash(1), forge.Pending, "Held")); a.Err() != nil {
			t.Fatal(a.Err())
		}
		fake.Rotate("second-t0ken")
		if a := h.Report(t.Context(), one(hash(1), forge.Success, "Complete")); a.Err() != nil || asked != 3 {
			t.Fatalf("%v, asked for the token %d times", a.Err(), asked)
		}
		fake.Rotate("third-t0ken")
		a := h.Report(t.Context(), append(one(hash(1), forge.Success, "x"), one(hash(2), forge.Success, "y")...))
		if a.Trouble == nil || len(a.Told)+len(a.Failed) != 0 || !strings.Contains(a.Trouble.Error(), "Secret") ||
			strings.Contains(a.Trouble.Error(), "t0ken") {
			t.Errorf("%+v", a)
		}
	})
}

// A commit that the host does not know, because it was not pushed there or is gone, keeps none back.
func TestAnUnknownCommitKeepsNoneBack(t *testing.T) {
	eachHost(t, func(t *testing.T, p forge.Provider) {
		fake, h := newHost(t, p, hash(2), hash(3))
		a := h.Report(t.Context(), append(append(one(hash(1), forge.Success, "a"), one(hash(2), forge.Success, "b")...),
			one(hash(3), forge.Success, "c")...))
		if len(a.Unknown) != 1 || a.Unknown[0].Status.Commit != hash(1) || len(a.Told) != 2 || a.Trouble != nil {
			t.Fatalf("%+v", a)
		}
		if !strings.Contains(a.Unknown[0].Reason.Error(), "platform/fleet") {
			t.Errorf("the reason is %v", a.Unknown[0].Reason)
		}
		if fake.Last(hash(3), hosts[p].name).State != hosts[p].success {
			t.Error("the last one was not told")
		}
	})
}

// A status that is refused as it is, or cannot be answered, keeps none back either; two failures one after the other
// are the host's trouble.
func TestOneBadStatusKeepsNoneBack(t *testing.T) {
	eachHost(t, func(t *testing.T, p forge.Provider) {
		fake, h := newHost(t, p, hash(1), hash(2), hash(3))
		all := append(append(one(hash(1), forge.Success, "a"), one(hash(2), forge.Success, "b")...),
			one(hash(3), forge.Success, "c")...)
		fake.Say(forgetest.Answer{Code: 422,
			Body: `{"message":"Validation Failed","errors":[{"message":"This SHA and context has reached the maximum number of statuses."}]}`})
		if a := h.Report(t.Context(), all); len(a.Refused) != 1 || len(a.Told) != 2 ||
			!strings.Contains(a.Refused[0].Reason.Error(), "maximum number") {
			t.Errorf("%+v", a)
		}
		fake.Say(forgetest.Answer{Code: 502, Body: "<html>bad gateway"})
		if a := h.Report(t.Context(), all); len(a.Failed) != 1 || len(a.Told) != 2 || a.Trouble != nil {
			t.Errorf("%+v", a)
		}
		fake.Down(true)
		if a := h.Report(t.Context(), all); len(a.Failed) != 2 || len(a.Told) != 0 || a.Trouble == nil {
			t.Errorf("%+v", a)
		}
	})
}

// GitHub takes 1,000 statuses of a commit and context: the next one is refused, and others go on.
func TestTheThousandAndFirstStatusIsRefused(t *testing.T) {
	_, h := newHost(t, forge.GitHub, hash(1), hash(2))
	for i := range 1000 {
		if a := h.Report(t.Context(), one(hash(1), forge.Pending, fmt.Sprint(i))); a.Err() != nil {
			t.Fatal(a.Err())
		}
	}
	a := h.Report(t.Context(), append(one(hash(1), forge.Success, "Complete"),
		one(hash(2), forge.Success, "Complete")...))
	if len(a.Refused) != 1 || len(a.Told) != 1 {
		t.Errorf("%+v", a)
	}
}

// A host that asks to be left alone is, for as long as it says: nothing more is sent in this report.
func TestRateLimitsAreKept(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	in := func(d time.Duration) string { return fmt.Sprint(now.Add(d).Unix()) }
	for name, c := range map[string]struct {
		provider forge.Provider
		answer   forgetest.Answer
		pause    time.Duration
	}{
		"secondary limit": {forge.GitHub, forgetest.Answer{Code: 403, Header: map[string]string{"Retry-After": "60"},
			Body: `{"message":"You have exceeded a secondary rate limit."}`}, time.Minute},
		"secondary limit without a time": {forge.GitHub,
			forgetest.Answer{Code: 403, Body: `{"message":"You have exceeded a secondary rate limit."}`}, time.Minute},
		"primary limit": {forge.GitHub, forgetest.Answer{Code: 403,
			Header: map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": in(20 * time.Minute)},
			Body:   `{"message":"API rate limit exceeded"}`}, 20 * time.Minute},
		"a limit beyond all reason": {forge.GitHub,
			forgetest.Answer{Code: 429, Header: map[string]string{"Retry-After": "99999999999"}}, time.Hour},
		"as a date": {forge.GitLab,
			forgetest.Answer{Code: 429, Header: map[string]string{"Retry-After": now.Add(90 * time.Second).Format(http.TimeFormat)}}, 90 * time.Second},
		"gitlab": {forge.GitLab,
			forgetest.Answer{Code: 429, Header: map[string]string{"RateLimit-Remaining": "0",
				"RateLimit-Reset": in(30 * time.Second)}}, 30 * time.Second},
		"bitbucket": {forge.BitbucketCloud,
			forgetest.Answer{Code: 429, Body: `{"error":{"message":"Rate limit for this resource has been exceeded"}}`},
			time.Minute},
		"gitea behind a proxy": {forge.Gitea, forgetest.Answer{Code: 429}, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			fake := forgetest.New(c.provider, "platform/fleet", apiToken)
			fake.Push(hash(1), hash(2))
			place, err := forge.Locate(c.provider, hosts[c.provider].clone, "", "")
			if err != nil {
				t.Fatal(err)
			}
			h, err := forge.NewHost(place,
				func(context.Context) (forge.Token, error) { return forge.Token{Secret: apiToken}, nil },
				forge.Options{Client: &http.Client{Transport: fake}, Now: func() time.Time { return now }})
			if err != nil {
				t.Fatal(err)
			}
			fake.Say(c.answer)
			a := h.Report(t.Context(), append(one(hash(1), forge.Success, "a"), one(hash(2), forge.Success, "b")...))
			if a.Pause != c.pause || a.Trouble == nil || fake.Requests() != 1 ||
				len(a.Told)+len(a.Refused)+len(a.Failed) != 0 {
				t.Errorf("after %d requests: %+v", fake.Requests(), a)
			}
		})
	}
}

// The last request of a limit is taken, and the next one is not sent before the limit is set back.
func TestTheLastRequestOfALimit(t *testing.T) {
	fake, h := newHost(t, forge.GitHub, hash(1), hash(2))
	fake.Say(forgetest.Answer{Code: 201, Header: map[string]string{"X-RateLimit-Remaining": "0",
		"X-RateLimit-Reset": fmt.Sprint(time.Now().Add(time.Hour).Unix())}})
	a := h.Report(t.Context(), append(one(hash(1), forge.Success, "a"), one(hash(2), forge.Success, "b")...))
	if len(a.Told) != 1 || a.Pause < 50*time.Minute || a.Err() != nil {
		t.Errorf("%+v", a)
	}
}

// GitHub asks for a pause of a second between many requests that write.
func TestManyStatusesAreSpaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := forgetest.New(forge.GitHub, "platform/fleet", apiToken)
		place, err := forge.Locate(forge.GitHub, hosts[forge.GitHub].clone, "", "")
		if err != nil {
			t.Fatal(err)
		}
		h, err := forge.NewHost(place, func(context.Context) (forge.Token,
			error) {
			return forge.Token{Secret: apiToken}, nil
		},
			forge.Options{Client: &http.Client{Transport: fake}, Pace: forge.GitHubPace()})
		if err != nil {
			t.Fatal(err)
		}
		var all []forge.Status
		for i := range 100 {
			fake.Push(hash(i))
			all = append(all, one(hash(i), forge.Success, "Complete")...)
		}
		began := time.Now()
		if a := h.Report(t.Context(), all); a.Err() != nil {
			t.Fatal(a.Err())
		}
		if took := time.Since(began); took < time.Minute || took > 2*time.Minute {
			t.Errorf("100 statuses took %v", took)
		}
	})
}

// No error says anything of the token, whatever the host echoes, and none is sent to another host.
func TestNoErrorNamesTheToken(t *testing.T) {
	eachHost(t, func(t *testing.T, p forge.Provider) {
		fake, h := newHost(t, p, hash(1))
		for _, answer := range []forgetest.Answer{
			{Code: 400, Body: `{"message":"bad header PRIVATE-TOKEN: ` + apiToken + `"}`},
			{Code: 403, Body: `{"error":{"message":"` + apiToken + ` may not"}}`},
			{Code: 500, Body: apiToken}, {Code: 404, Body: `{"errors":[{"message":"` + apiToken + `"}]}`},
			{Code: 302, Header: map[string]string{"Location": "https://elsewhere.test/" + apiToken}},
			{Code: 307, Header: map[string]string{"Location": "https://elsewhere.test/x"}},
		} {
			fake.Say(answer)
			before := fake.Requests()
			err := h.Report(t.Context(), one(hash(1), forge.Success, "Complete")).Err()
			if err == nil || strings.Contains(err.Error(), apiToken) {
				t.Errorf("%d: %v", answer.Code, err)
			}
			if answer.Code < 400 && fake.Requests() != before+1 {
				t.Errorf("%d: followed to another host", answer.Code)
			}
		}
		failing := reporter(t, fake, p, func(context.Context) (forge.Token, error) {
			return forge.Token{},
				errors.New("no such Secret")
		})
		if a := failing.Report(t.Context(), one(hash(1), forge.Success, "")); a.Trouble == nil ||
			!strings.Contains(a.Trouble.Error(), "no such Secret") {
			t.Errorf("%+v", a)
		}
		if text := fmt.Sprintf("%v %+v %#v %s", forge.Token{Secret: apiToken}, forge.Token{Secret: apiToken},
			forge.Token{Secret: apiToken}, forge.Token{Secret: apiToken}); strings.Contains(text, apiToken) {
			t.Errorf("a token prints as %s", text)
		}
	})
}

// Bitbucket takes a user and an app password as well, and links to the commit if nothing else is given.
func TestBitbucketWithAnAppPassword(t *testing.T) {
	for _, p := range []forge.Provider{forge.BitbucketCloud, forge.BitbucketDataCenter} {
		fake := forgetest.New(p, "platform/fleet", apiToken)
		fake.Push(hash(1))
		h := reporter(t, fake, p, func(context.Context) (forge.Token, error) {
			return forge.Token{Username: "ada",
				Secret: apiToken}, nil
		})
		if a := h.Report(t.Context(), one(hash(1), forge.Success, "Complete")); a.Err() != nil {
			t.Fatal(a.Err())
		}
		if got := fake.Last(hash(1), "daemongate/test").URL; !strings.HasSuffix(got, "/commits/"+hash(1)) {
			t.Errorf("%s links to %s", p, got)
		}
	}
}

// bitbucketKey is what a long context becomes.
func bitbucketKey(context string) string { return forge.ShortKey(context, 40) }
