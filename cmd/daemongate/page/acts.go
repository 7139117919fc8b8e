package page

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/cmd/daemongate/page/html"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/english"
	"github.com/daemongate/daemongate/sync/pacing"
	"github.com/daemongate/daemongate/sync/view"
)

// verbs are the rights that acts need.
var verbs = map[string]string{html.ActSync: verbSync, html.ActSuspend: verbSuspend, html.ActResume: verbSuspend,
	html.ActRelease: verbRelease, html.ActPromote: verbPromote,
	html.ActPause: verbSuspend, html.ActUnpause: verbSuspend}

// queryTold names the act of which the page of a Sync is to tell that it was done.
const queryTold = "told"

// told is what is said then.
var told = map[string]string{html.ActSync: "The controller was asked to poll.",
	html.ActSuspend: "The Sync was suspended.", html.ActResume: "The Sync was resumed.",
	html.ActRelease: "The commit was released.", html.ActPromote: "The commit may go on after its stage.",
	html.ActPause: "The rollouts are paused.", html.ActUnpause: "The pause was lifted."}

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
	asked := request{act: act, namespace: namespace, name: name, commit: r.PostFormValue(html.FieldCommit),
		stage:  r.PostFormValue(html.FieldStage),
		reason: strings.TrimSpace(r.PostFormValue(html.FieldReason)), by: who.name()}
	syncs, err := who.syncs()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	if err := p.do(ctx, syncs, asked); err != nil {
		return err
	}
	to := p.around(who).SyncPath(namespace, name) + "?" + queryTold + "=" + act
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// request is what somebody asks for.
type request struct {
	act, namespace, name string
	commit, stage        string // that they have seen
	reason, by           string
}

// do writes what was asked for.
func (p *Page) do(ctx context.Context, syncs *sync.Syncs, r request) error {
	var err error
	switch now := time.Now(); r.act {
	case html.ActSync:
		return syncs.Request(ctx, r.namespace, r.name, now)
	case html.ActSuspend, html.ActResume:
		_, err = syncs.Suspend(ctx, r.namespace, r.name, r.act == html.ActSuspend)
		return err
	case html.ActPause:
		if err := mayPause(ctx, syncs, r); err != nil {
			return err
		}
		return syncs.Pause(ctx, r.namespace, r.name, api.Pause{Reason: english.Clip(r.reason, mostOfAReason), By: r.by,
			At: metav1.NewTime(now.UTC().Truncate(time.Second))})
	case html.ActUnpause:
		_, err = syncs.Unpause(ctx, r.namespace, r.name)
		return err
	}
	s, err := syncs.Get(ctx, r.namespace, r.name)
	if err != nil {
		return err
	}
	if r.act == html.ActPromote {
		return promote(ctx, syncs, s, r)
	}
	if would, _ := p.reach.Released(&s.Status); would == "" || would != r.commit {
		return &refusal{http.StatusConflict, "Not any more", fmt.Sprintf("A release of Sync %s/%s would not speak of "+
			"commit %s now.", r.namespace, r.name, api.Short(r.commit)), "Look at the Sync again."}
	}
	return syncs.Release(ctx, r.namespace, r.name, r.commit, time.Now())
}

// mayPause refuses to pause what is not paced, or is paused already for the same reason.
func mayPause(ctx context.Context, syncs *sync.Syncs, r request) error {
	s, err := syncs.Get(ctx, r.namespace, r.name)
	if err != nil {
		return err
	}
	why := ""
	switch was := pacing.PauseOf(s); {
	case s.Spec.Rollout.Pace == nil:
		why = "has no spec.rollout.pace, so there is nothing to pause"
	case was != nil && (r.reason == "" || r.reason == was.Reason):
		why = "is " + pacing.PauseWords(was) + " already"
	}
	if why == "" {
		return nil
	}
	return &refusal{http.StatusConflict, "Nothing to pause", fmt.Sprintf("Sync %s/%s %s.", r.namespace, r.name, why),
		"Look at the Sync again."}
}

// mostOfAReason is how many bytes of a reason are kept.
const mostOfAReason = 400

// promote lets a paced rollout go on after the stage that somebody has seen, if that still waits for it.
func promote(ctx context.Context, syncs *sync.Syncs, s *api.Sync, r request) error {
	would, why := view.PromotionOf(s)
	if why == "" && (would.Commit != r.commit || strconv.Itoa(int(would.Index)) != r.stage) {
		why = "another stage waits for an approval now"
	}
	if why != "" {
		return &refusal{http.StatusConflict, "Not any more", fmt.Sprintf("Sync %s/%s: %s.", r.namespace, r.name, why),
			"Look at the Sync again."}
	}
	return syncs.Promote(ctx, r.namespace, r.name, would.Commit, would.Index, time.Now())
}
