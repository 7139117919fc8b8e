package page

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/daemongate/daemongate/cmd/daemongate/page/html"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// verbs are the rights that acts need.
var verbs = map[string]string{html.ActSync: verbSync, html.ActSuspend: verbSuspend, html.ActResume: verbSuspend,
	html.ActRelease: verbRelease}

// queryTold names the act of which the page of a Sync is to tell that it was done.
const queryTold = "told"

// told is what is said then.
var told = map[string]string{html.ActSync: "The controller was asked to poll.",
	html.ActSuspend: "The Sync was suspended.", html.ActResume: "The Sync was resumed.",
	html.ActRelease: "The commit was released."}

// mostOfAForm is how many bytes of a form are read.
const mostOfAForm = 4 << 10

// act does what somebody asks for, with their own rights.
func (p *Page) act(w http.ResponseWriter, r *http.Request, who person) error {
	namespace, name, act := r.PathValue("namespace"), r.PathValue("name"), r.PathValue("act")
	sync := "Sync " + namespace + "/" + name
	verb, known := verbs[act]
	if !known {
		return notThere("such act")
	}
	if sees, err := who.sees(r.Context(), namespace, name); err != nil || !sees {
		return or(err, notThere(sync))
	}
	if may, err := who.may(r.Context(), verb, namespace, name); err != nil || !may {
		return or(err, &refusal{http.StatusForbidden, "Not allowed", "You may not " + verb + " " + sync + " here.",
			"Ask who administers the cluster for that right: docs/page.md says which one that is."})
	}
	r.Body = http.MaxBytesReader(w, r.Body, mostOfAForm)
	commit := r.PostFormValue(html.FieldCommit)
	syncs, err := who.syncs()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	if err := p.do(ctx, syncs, act, namespace, name, commit); err != nil {
		return err
	}
	to := p.around(who).SyncPath(namespace, name) + "?" + queryTold + "=" + act
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// do writes what was asked for.
func (p *Page) do(ctx context.Context, syncs *sync.Syncs, act, namespace, name, commit string) error {
	switch act {
	case html.ActSync:
		return syncs.Request(ctx, namespace, name, time.Now())
	case html.ActSuspend, html.ActResume:
		_, err := syncs.Suspend(ctx, namespace, name, act == html.ActSuspend)
		return err
	}
	s, err := syncs.Get(ctx, namespace, name)
	if err != nil {
		return err
	}
	if would, _ := p.reach.Released(&s.Status); would == "" || would != commit {
		return &refusal{http.StatusConflict, "Not any more", fmt.Sprintf("A release of Sync %s/%s would not speak of "+
			"commit %s now.", namespace, name, api.Short(commit)), "Look at the Sync again."}
	}
	return syncs.Release(ctx, namespace, name, commit, time.Now())
}
