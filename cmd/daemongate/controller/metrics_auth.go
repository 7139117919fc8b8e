package controller

import (
	"context"
	"crypto/sha256"
	"net/http"
	"strings"
	gosync "sync"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/daemongate/daemongate/cmd/daemongate/reviews"
)

const (
	// admittedFor is how long a token is believed that the API server has admitted: Prometheus asks every few seconds.
	admittedFor = time.Minute
	// mostAdmitted is how many tokens are remembered; who is forgotten is asked about again.
	mostAdmitted = 100
)

// doorkeeper shows a page to those whom the API server lets get it by its path, as the metrics of Kubernetes' own
// components are shown: whose token it is, is told by a TokenReview, and what they may, by a SubjectAccessReview.
type doorkeeper struct {
	kube kubernetes.Interface
	now  func() time.Time

	mu       gosync.Mutex
	admitted map[[sha256.Size]byte]time.Time // by the sum of the token, when it was
}

func (d *doorkeeper) guard(page http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok || token == "" {
			w.Header().Set("WWW-Authenticate", "Bearer")
			say(w, http.StatusUnauthorized, "a bearer token of this cluster is needed")
			return
		}
		switch code, err := d.admits(r.Context(), token, r.URL.Path); {
		case err != nil:
			say(w, http.StatusServiceUnavailable, "the API server cannot be asked about the token")
		case code != http.StatusOK:
			say(w, code, http.StatusText(code))
		default:
			page.ServeHTTP(w, r)
		}
	})
}

// admits returns the status that whoever has a token gets for a page. The error says that nobody could be asked.
func (d *doorkeeper) admits(ctx context.Context, token, path string) (int, error) {
	sum := sha256.Sum256([]byte(path + "\n" + token))
	d.mu.Lock()
	at, known := d.admitted[sum]
	d.mu.Unlock()
	if known && d.now().Sub(at) < admittedFor {
		return http.StatusOK, nil
	}
	code, err := d.ask(ctx, token, path)
	if err != nil || code != http.StatusOK {
		return code, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.admitted == nil || len(d.admitted) >= mostAdmitted {
		d.admitted = map[[sha256.Size]byte]time.Time{}
	}
	d.admitted[sum] = d.now()
	return code, nil
}

func (d *doorkeeper) ask(ctx context.Context, token, path string) (int, error) {
	who, err := reviews.Owner(ctx, d.kube, token)
	switch {
	case err != nil:
		return 0, err
	case who == nil:
		return http.StatusUnauthorized, nil
	}
	may, err := reviews.May(ctx, d.kube, who, authorizationv1.SubjectAccessReviewSpec{
		NonResourceAttributes: &authorizationv1.NonResourceAttributes{Path: path, Verb: "get"}})
	switch {
	case err != nil:
		return 0, err
	case !may:
		return http.StatusForbidden, nil
	}
	return http.StatusOK, nil
}
