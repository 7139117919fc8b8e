package page

import (
	"errors"
	"fmt"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/daemongate/daemongate/cmd/daemongate/page/html"
)

// refusal is why there is no other page than one that says so, and what a person can do.
type refusal struct {
	code           int
	title, why, do string
}

// Error is why.
func (r *refusal) Error() string { return r.why }

// notThere is said of what does not exist and of what the person must not know of, so that nobody can tell them apart.
func notThere(what string) error {
	return &refusal{http.StatusNotFound, "Not found", fmt.Sprintf("There is no %s, or you may not see it.", what),
		"Look whether its name is right. If it is, ask who administers the cluster for the right to get it."}
}

// toNobody is what is said to those of whom it is not known who they are.
var toNobody = &refusal{http.StatusServiceUnavailable, "Not just now",
	"It cannot be found out just now who you are: the API server did not answer that.", "Try again."}

// refusalOf is what is said of an error. What errors say besides is for those who were let in.
func (p *Page) refusalOf(err error, who person) *refusal {
	var said *refusal
	if errors.As(err, &said) {
		return said
	}
	if who == nil {
		return toNobody
	}
	if errors.Is(err, errTooMany) {
		return &refusal{http.StatusServiceUnavailable, "Too many", "Too many Syncs are looked at just now.",
			"Close a page, or try again in a minute."}
	}
	if since, why := p.line.lost(); !since.IsZero() {
		return &refusal{http.StatusServiceUnavailable, "The API server does not answer",
			fmt.Sprintf("The API server has not answered since %s: %s", since.UTC().Format("15:04:05Z"), why),
			"Nothing can be shown without it. Try again when it answers."}
	}
	if apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) {
		return &refusal{http.StatusForbidden, "Not allowed", err.Error(),
			"Ask who administers the cluster for that right: docs/page.md has the Roles."}
	}
	return &refusal{http.StatusServiceUnavailable, "Not just now", err.Error(), "Try again."}
}

// refuse writes the page that says why there is no other.
func (p *Page) refuse(w http.ResponseWriter, r *http.Request, who person, err error) {
	said := p.refusalOf(err, who)
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(said.code)
	if r.Method != http.MethodHead {
		_ = html.Problem(w, p.around(who), said.title, said.why, said.do) // who went away does not hear it
	}
}
