package controller

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/daemongate/daemongate/cmd/daemongate/controller/clusters"
	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/githubapp/apptest"
	"github.com/daemongate/daemongate/gitsource/gittest"
	"github.com/daemongate/daemongate/gitsource/remote"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/notify"
	"github.com/daemongate/daemongate/sync/source"
)

// guardedConnections are those of a controller that looks after others' Syncs.
func guardedConnections(t *testing.T, data map[string]string) *connections {
	t.Helper()
	k := connectionsWith(t, data)
	k.reach = remote.Reach{NoLocal: true, NoFiles: true}
	k.mirrors = gitsource.Open(t.TempDir(), gitsource.Options{Reach: k.reach})
	k.notes = t.TempDir()
	t.Cleanup(k.mirrors.Close)
	return k
}

var mainRef = gitsource.Ref{Branch: "main"}

func headOf(t *testing.T, r source.Repository, err error) error {
	t.Helper()
	if err == nil {
		_, err = r.HeadWithin(t.Context(), mainRef, 0)
	}
	return err
}

func reportOf(t *testing.T, k *connections, s *api.Sync) error {
	t.Helper()
	r, err := k.Reporter(t.Context(), s)
	if err == nil {
		err = reportTo(t, r, "x")
	}
	return err
}

// Whatever of a Sync names a server of the controller's own machine, be it the repository, a base or a submodule of it,
// the API of a Git host, the notes, who is notified, who knows of alerts, or the server that gives an App its tokens: it
// is refused, and nothing is called.
func TestNothingOfASyncCallsTheControllersMachine(t *testing.T) {
	var calls atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls.Add(1) }))
	defer server.Close()
	_, key, err := apptest.New("1", "2")
	check(t, err)
	token := map[string]string{"token": "s3cr3t", "allowHTTP": "true"}
	app := map[string]string{"githubAppID": "1", "githubAppInstallationID": "2", "githubAppPrivateKey": key,
		"githubAppBaseURL": server.URL, "allowHTTP": "true"}
	s := syncOf(server.URL + "/acme/fleet.git")
	notes := s.DeepCopy()
	notes.Spec.Report.Provider = api.ProviderNotes
	host := s.DeepCopy()
	host.Spec.Report = api.Report{Provider: api.ProviderGitHub, URL: server.URL + "/api/v3",
		SecretRef: &api.LocalObjectReference{Name: "git"}}
	for what, err := range map[string]error{
		"repository": func() error {
			r, err := guardedConnections(t, token).Repository(t.Context(), s)
			return headOf(t, r, err)
		}(),
		"base": func() error {
			r, err := guardedConnections(t, token).Base(t.Context(), s, "https://127.0.0.1:1/acme/base")
			return headOf(t, r, err)
		}(),
		"alerts":              firing(t, guardedConnections(t, token), server.URL, ""),
		"alerts with a token": firing(t, guardedConnections(t, token), server.URL, "git"),
		"notes":               reportOf(t, guardedConnections(t, token), notes),
		"host":                reportOf(t, guardedConnections(t, token), host),
		"an App that reports": reportOf(t, guardedConnections(t, app), host),
		"statuses": func() error {
			r, err := guardedConnections(t, token).Statuses(t.Context(), host)
			if err == nil {
				_, err = r.Read(t.Context(), []string{strings.Repeat("1", 40)})
			}
			return err
		}(),
		"receiver": func() error {
			k := guardedConnections(t, map[string]string{"url": server.URL + "/hook", "allowHTTP": "true"})
			r, err := k.Receiver(t.Context(), notifying())
			if err == nil {
				err = r.Take(t.Context(), notify.Event{}).Trouble
			}
			return err
		}(),
		"an App that is read as": func() error {
			r, err := guardedConnections(t, app).Repository(t.Context(), s)
			return headOf(t, r, err)
		}(),
	} {
		if err == nil || !strings.Contains(err.Error(), "address of this machine") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if n := calls.Load(); n > 0 {
		t.Errorf("the server was called %d times", n)
	}
}

// Statuses are read of a Git host that lists them, which the Sync reports to, and of no other.
func TestStatusesAreReadOfTheHostThatIsReportedTo(t *testing.T) {
	k := guardedConnections(t, map[string]string{"token": "s3cr3t"})
	for provider, want := range map[api.Provider]string{"": "needs spec.report.provider", api.ProviderNone: "needs spec.report.provider",
		api.ProviderNotes: "needs spec.report.provider", api.ProviderBitbucketDataCenter: "are not read from", api.ProviderGitHub: ""} {
		s := syncOf("https://git.test/acme/fleet.git")
		s.Spec.Report = api.Report{Provider: provider, SecretRef: &api.LocalObjectReference{Name: "git"}}
		_, err := k.Statuses(t.Context(), s)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", provider, err)
		}
	}
}

// Paths and file URLs of an installed controller's machine are refused as a repository, as a base and for notes, with
// the same words whether there is anything or not, and nothing is written there.
func TestNoSyncReadsTheControllersDisk(t *testing.T) {
	repo := filepath.Join(t.TempDir(), "fleet")
	gittest.Commit(t, repo, "agent.yaml", "kind: DaemonSet\n")
	for _, url := range []string{repo, "file://" + repo, repo + "/no", "file:///no/such", "relative", "../up", "/"} {
		k := guardedConnections(t, map[string]string{"token": "s3cr3t"})
		s := syncOf(url)
		s.Spec.Report.Provider = api.ProviderNotes
		r, err := k.Repository(t.Context(), s)
		asSource := headOf(t, r, err)
		r, err = k.Base(t.Context(), syncOf("https://git.test/acme/fleet"), url)
		asBase := headOf(t, r, err)
		for what, err := range map[string]error{"repository": asSource, "base": asBase, "notes": reportOf(t, k, s)} {
			if err == nil || !strings.HasSuffix(err.Error(), remote.ErrLocal.Error()) || strings.Contains(err.Error(), repo) {
				t.Errorf("%s as %s: %v", url, what, err)
			}
		}
		if left, err := os.ReadDir(k.notes); err != nil || len(left) > 0 {
			t.Errorf("%s: %v, %v was made for notes", url, err, left)
		}
	}
}

// The folder of a repository's notes has a name that nobody can work out from its URL and Secret.
func TestFoldersOfNotesCannotBeGuessed(t *testing.T) {
	names := map[string]bool{}
	for range 2 {
		k := connectionsWith(t, map[string]string{"token": "s3cr3t"})
		for range 2 {
			name, err := k.mirrors.NameOf("https://git.test/acme/fleet", "Secret platform/git")
			check(t, err)
			names[name] = true
		}
	}
	if len(names) != 2 {
		t.Errorf("two controllers name it %v", names)
	}
}

// Who edits a field of a Sync again and again has the controller keep no more than what is in use: neither clients nor
// mirrors, neither writers of notes nor the paces of APIs.
func TestWhatASyncHasNamedBeforeIsForgotten(t *testing.T) {
	k := connectionsWith(t, map[string]string{"token": "s3cr3t"})
	k.notes = t.TempDir()
	var err error
	k.users, err = clusters.NewUsers(&rest.Config{Host: "https://127.0.0.1:1"}, nil, clock.RealClock{})
	check(t, err)
	inUse := syncOf("https://git.test/acme/in-use")
	inUse.Spec.Report.Provider = api.ProviderNotes
	repository, err := k.Repository(t.Context(), inUse)
	check(t, err)
	reporter, err := k.Reporter(t.Context(), inUse)
	check(t, err)
	for i := range clusters.MaxUsers + 500 {
		s := syncOf(fmt.Sprint("https://git.test/acme/fleet-", i))
		s.Spec.Report.Provider = api.ProviderNotes
		s.Spec.Apply.ServiceAccountName = fmt.Sprint("account-", i)
		_, err := k.Repository(t.Context(), s)
		check(t, err)
		_, err = k.Reporter(t.Context(), s)
		check(t, err)
		_, err = k.Writer(s)
		check(t, err)
		s.Spec.Report = api.Report{Provider: api.ProviderGitHub, URL: fmt.Sprintf("https://%d.test/api/v3", i),
			SecretRef: s.Spec.Source.SecretRef}
		_, err = k.Reporter(t.Context(), s)
		check(t, err)
	}
	var mirrors, notes int
	for end := time.Now().Add(5 * time.Minute); time.Now().Before(end); {
		runtime.GC()
		s := syncOf("https://git.test/acme/last")
		s.Spec.Report.Provider = api.ProviderNotes
		_, err := k.Repository(t.Context(), s)
		check(t, err)
		_, err = k.Reporter(t.Context(), s)
		check(t, err)
		if mirrors, notes = k.mirrors.Known(), len(k.told.notes); mirrors < 10 && notes < 10 {
			break
		}
	}
	if mirrors >= 10 || notes >= 10 || k.users.Kept() > clusters.MaxUsers || k.told.paces.Len() > maxPaces {
		t.Errorf("%d mirrors, %d writers of notes, %d clients and %d paces are kept", mirrors, notes, k.users.Kept(),
			k.told.paces.Len())
	}
	again, err := k.Repository(t.Context(), inUse)
	check(t, err)
	told, err := k.Reporter(t.Context(), inUse)
	check(t, err)
	if again != repository || told != reporter {
		t.Error("what is in use was forgotten")
	}
}
