package controller

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clientgotesting "k8s.io/client-go/testing"
)

// The metrics are shown to those whom the API server lets get their path. It is asked about a token once a minute. (A
// played API server: what a real one answers is in TestAControllerOfTwoNamespacesHasRightsInNoOther.)
func TestMetricsAreShownToWhoMayGetThem(t *testing.T) {
	kube, asked, broken := fake.NewClientset(), 0, false
	kube.PrependReactor("create", "tokenreviews", func(a clientgotesting.Action) (bool, runtime.Object, error) {
		if asked++; broken {
			return true, nil, http.ErrServerClosed
		}
		review := a.(clientgotesting.CreateAction).GetObject().(*authenticationv1.TokenReview).DeepCopy()
		name := map[string]string{"prometheus-token": "prometheus", "tenant-token": "tenant"}[review.Spec.Token]
		review.Status = authenticationv1.TokenReviewStatus{Authenticated: name != "",
			User: authenticationv1.UserInfo{Username: name}}
		return true, review, nil
	})
	kube.PrependReactor("create", "subjectaccessreviews", func(a clientgotesting.Action) (bool, runtime.Object, error) {
		review := a.(clientgotesting.CreateAction).GetObject().(*authorizationv1.SubjectAccessReview).DeepCopy()
		n := review.Spec.NonResourceAttributes
		review.Status.Allowed = review.Spec.User == "prometheus" && n != nil && n.Path == "/metrics" && n.Verb == "get"
		return true, review, nil
	})
	now := time.Now()
	d := &doorkeeper{kube: kube, now: func() time.Time { return now }}
	page := d.guard(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "the metrics") }))
	get := func(path, authorization string) int {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Authorization", authorization)
		w := httptest.NewRecorder()
		page.ServeHTTP(w, r)
		return w.Code
	}
	for _, c := range []struct {
		path, authorization string
		want, asked         int
	}{
		{"/metrics", "", 401, 0},
		{"/metrics", "Basic prometheus-token", 401, 0},
		{"/metrics", "Bearer ", 401, 0},
		{"/metrics", "Bearer nobodys", 401, 1},
		{"/metrics", "Bearer tenant-token", 403, 2},
		{"/metrics", "Bearer prometheus-token", 200, 3},
		{"/metrics", "Bearer prometheus-token", 200, 3},
		{"/other", "Bearer prometheus-token", 403, 4},
	} {
		if got := get(c.path, c.authorization); got != c.want || asked != c.asked {
			t.Errorf("%s with %q: %d and asked %d times, not %d and %d", c.path, c.authorization, got, asked, c.want, c.asked)
		}
	}
	broken = true
	if got := get("/metrics", "Bearer prometheus-token"); got != 200 {
		t.Errorf("while the API server is away, who was admitted just now gets %d", got)
	}
	now = now.Add(admittedFor)
	if got := get("/metrics", "Bearer prometheus-token"); got != 503 {
		t.Errorf("while the API server is away, whose minute is over gets %d", got)
	}
	for i := range 2 * mostAdmitted {
		d.admitted[[32]byte{byte(i), byte(i >> 8), 1}] = now
	}
	broken = false
	if got := get("/metrics", "Bearer prometheus-token"); got != 200 || len(d.admitted) > mostAdmitted {
		t.Errorf("%d, with %d tokens remembered", got, len(d.admitted))
	}
}
