package statuses_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/forge/forgetest"
	"github.com/daemongate/daemongate/gitsource/forge/statuses"
)

const apiToken = "t0ken-of-the-api"

// clones are where repositories are cloned from, of the hosts that are played and whose statuses are read.
var clones = map[forge.Provider]string{forge.GitHub: "https://git.test/platform/fleet.git",
	forge.GitLab: "https://git.test/platform/fleet.git", forge.Gitea: "https://git.test/platform/fleet.git",
	forge.BitbucketCloud: "https://bitbucket.org/platform/fleet.git"}

// played is a host that is played, who reports to it and who reads from it.
type played struct {
	*testing.T
	*forgetest.Host
	to     *forge.Host
	reader *statuses.Reader
}

func play(t *testing.T, p forge.Provider, commits ...string) *played {
	t.Helper()
	fake := forgetest.New(p, "platform/fleet", apiToken)
	fake.Push(commits...)
	place, err := forge.Locate(p, clones[p], "", "")
	if err != nil {
		t.Fatal(err)
	}
	token := func(context.Context) (forge.Token, error) { return forge.Token{Secret: apiToken}, nil }
	h, err := forge.NewHost(place, token, forge.Options{Client: &http.Client{Transport: fake}})
	if err != nil {
		t.Fatal(err)
	}
	reader, err := statuses.NewReader(h)
	if err != nil {
		t.Fatal(err)
	}
	return &played{t, fake, h, reader}
}

func hash(i int) string { return fmt.Sprintf("%040x", i) }

// tells reports a status of a commit in a context.
func (w *played) tells(commit, name string, state forge.State, text string) {
	w.Helper()
	s := forge.Status{Commit: commit, Context: name, State: state, Description: text, Underway: state == forge.Pending}
	if a := w.to.Report(w.Context(), []forge.Status{s}); a.Err() != nil {
		w.Fatal(a.Err())
	}
}

func (w *played) read(commits ...string) map[string][]statuses.Status {
	w.Helper()
	read, err := w.reader.Read(w.Context(), commits)
	if err != nil {
		w.Fatal(err)
	}
	return read
}

// newest is what stands on a commit in a context, by the newest status there.
func newest(list []statuses.Status, name string) statuses.Status {
	for _, s := range list {
		if s.Context == name {
			return s
		}
	}
	return statuses.Status{}
}

func eachHost(t *testing.T, story func(t *testing.T, p forge.Provider)) {
	for p := range clones {
		t.Run(string(p), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { story(t, p) }) })
	}
}

// What was reported is read again from each host, the newest state of a context first, with its text, who wrote it
// where the host tells, and when it came to that: not when it began to.
func TestWhatWasReportedIsRead(t *testing.T) {
	const canary, other = "daemongate/canary-1/platform/daemonset-agents", "daemongate/eu/platform/agents"
	eachHost(t, func(t *testing.T, p forge.Provider) {
		w := play(t, p, hash(1), hash(2))
		began := time.Now()
		w.tells(hash(1), canary, forge.Pending, "RollingOut")
		w.tells(hash(1), other, forge.Failure, "Stuck: CrashLoop")
		time.Sleep(10 * time.Minute)
		w.tells(hash(1), canary, forge.Success, "Complete: 12 nodes")
		read := w.read(hash(1), hash(2))
		s := newest(read[hash(1)], canary)
		if s.State != forge.Success || s.Description != "Complete: 12 nodes" || s.Time.Sub(began) < 9*time.Minute {
			t.Errorf("read %+v", s)
		}
		if s := newest(read[hash(1)], other); s.State != forge.Failure || s.Description != "Stuck: CrashLoop" || s.Time.Sub(began) > time.Minute {
			t.Errorf("read %+v", s)
		}
		if by := map[bool]string{true: "", false: "daemongate-bot"}[p == forge.BitbucketCloud]; s.Creator != by {
			t.Errorf("written by %q, want %q", s.Creator, by)
		}
		if list, ok := read[hash(2)]; len(list) != 0 || !ok {
			t.Errorf("of the other commit %+v", list)
		}
		time.Sleep(time.Minute)
		w.tells(hash(1), canary, forge.Failure, "relapsed: CrashLoop on 3 of 3 nodes")
		w.As("mallory")
		w.tells(hash(1), other, forge.Success, "Complete")
		list := w.read(hash(1))[hash(1)]
		if s := newest(list, canary); s.State != forge.Failure || !strings.HasPrefix(s.Description, "relapsed") {
			t.Errorf("read %+v", s)
		}
		if s := newest(list, other); s.State != forge.Success || p != forge.BitbucketCloud && s.Creator != "mallory" {
			t.Errorf("read %+v", s)
		}
	})
}

// Of what has not changed a host that can tell sends nothing, and all pages are read, up to a bound: what may stand
// beyond it could be that something is stuck.
func TestPagesAreReadOnceAndUpToABound(t *testing.T) {
	eachHost(t, func(t *testing.T, p forge.Provider) {
		w := play(t, p, hash(1))
		w.Pages(2)
		for i := range 5 {
			w.tells(hash(1), fmt.Sprint("context-", i), forge.Success, "Complete")
		}
		if list := w.read(hash(1))[hash(1)]; len(list) != 5 || w.Requests() != 5+3 {
			t.Errorf("%d statuses in %d requests", len(list), w.Requests()-5)
		}
		list, conditional := w.read(hash(1))[hash(1)], p == forge.GitHub || p == forge.GitLab
		if want := map[bool]int{true: 3}[conditional]; len(list) != 5 || w.Unchanged() != want {
			t.Errorf("%d statuses, and %d pages have not changed, want %d", len(list), w.Unchanged(), want)
		}
		w.tells(hash(1), "context-4", forge.Failure, "Stuck")
		if s := newest(w.read(hash(1))[hash(1)], "context-4"); s.State != forge.Failure {
			t.Errorf("read %+v", s)
		}
		for i := range 20 {
			w.tells(hash(1), fmt.Sprint("spam-", i), forge.Success, "Complete")
		}
		if read, err := w.reader.Read(t.Context(), []string{hash(1)}); err == nil || len(read) != 0 ||
			!strings.Contains(err.Error(), "more than 10 pages") {
			t.Errorf("read %v: %v", read, err)
		}
	})
}

// A host that asks to be left alone is: nothing is asked until then, and what was read until then is not lost.
func TestAHostIsLeftAlone(t *testing.T) {
	eachHost(t, func(t *testing.T, p forge.Provider) {
		w := play(t, p, hash(1), hash(2), hash(3))
		w.Say(forgetest.Answer{Code: 429, Header: map[string]string{"Retry-After": "120"}})
		if _, err := w.reader.Read(t.Context(), []string{hash(1)}); err == nil || !strings.Contains(err.Error(), "rate limit") {
			t.Errorf("%v", err)
		}
		for range 3 {
			if _, err := w.reader.Read(t.Context(), []string{hash(1)}); err == nil || !strings.Contains(err.Error(), "left alone until") {
				t.Errorf("%v", err)
			}
		}
		if w.Requests() != 1 {
			t.Errorf("%d requests", w.Requests())
		}
		time.Sleep(121 * time.Second)
		w.read(hash(1))
		empty := `[]`
		if p == forge.BitbucketCloud {
			empty = `{"values":[]}`
		}
		reset := fmt.Sprint(time.Now().Add(time.Minute).Unix())
		w.Say(forgetest.Answer{Code: 200, Body: empty, Header: map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}})
		before := w.Requests()
		read, err := w.reader.Read(t.Context(), []string{hash(1), hash(2), hash(3)})
		if _, ok := read[hash(1)]; !ok || len(read) != 1 || err == nil || w.Requests() != before+1 {
			t.Errorf("%d requests, read %v: %v", w.Requests()-before, read, err)
		}
	})
}

// What cannot be read is an error, which names no token: never an empty list, by which nothing would be the matter.
func TestWhatCannotBeReadIsAnError(t *testing.T) {
	eachHost(t, func(t *testing.T, p forge.Provider) {
		w := play(t, p, hash(1))
		if _, err := w.reader.Read(t.Context(), []string{hash(2)}); p != forge.Gitea && (err == nil || !strings.Contains(err.Error(), "platform/fleet")) {
			t.Errorf("of a commit that is not there: %v", err)
		}
		timeless := `[{"id":1,"context":"a","name":"a"}]`
		if p == forge.BitbucketCloud {
			timeless = `{"values":[{"name":"a"}]}`
		}
		for _, answer := range []forgetest.Answer{{Code: 200, Body: "<html>sign in"}, {Code: 200, Body: "{}["}, {Code: 200},
			{Code: 200, Body: timeless}, {Code: 500, Body: apiToken}, {Code: 401, Body: `{"message":"` + apiToken + `"}`},
			{Code: 404, Body: `{"message":"` + apiToken + `"}`}, {Code: 403, Body: `{"error":{"message":"` + apiToken + ` may not"}}`},
			{Code: 302, Header: map[string]string{"Location": "https://elsewhere.test/" + apiToken}}, {Code: 304}} {
			w.Say(answer)
			read, err := w.reader.Read(t.Context(), []string{hash(1)})
			if err == nil || len(read) != 0 || strings.Contains(err.Error(), apiToken) {
				t.Errorf("%d %s: read %v: %v", answer.Code, answer.Body, read, err)
			}
		}
		w.read(hash(1))
	})
}

// A host that lists no statuses of a commit in one repository is none to read from.
func TestBitbucketDataCenterIsNotRead(t *testing.T) {
	place, err := forge.Locate(forge.BitbucketDataCenter, "https://git.test/scm/platform/fleet.git", "", "")
	if err != nil {
		t.Fatal(err)
	}
	h, err := forge.NewHost(place, nil, forge.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := statuses.NewReader(h); err == nil || !strings.Contains(err.Error(), "BitbucketDataCenter") {
		t.Errorf("%v", err)
	}
}
