package manifests

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// The selector of a DaemonSet cannot change: the error says so before anything is written, and what to do.
func TestAChangedSelectorIsExplained(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(w.set(agent))
	err := w.client.DryRun(w.ctx, w.set(strings.ReplaceAll(agent, "app: agent", "app: other")), w.opts)
	var rejected *Rejected
	if !errors.As(err, &rejected) || rejected.Reason != ReasonImmutable {
		t.Fatalf("got %v", err)
	}
	t.Log(err)
	if !strings.Contains(err.Error(), "spec.selector cannot change") || !strings.Contains(err.Error(),
		"apply.recreate: Orphan") {
		t.Errorf("the error does not help: %v", err)
	}
}

// Other fields that cannot change are named as well.
func TestAChangedRoleRefIsExplained(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	binding := `
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: agent}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: ServiceAccount, name: agent, namespace: NS}]`
	w.apply(w.set(binding))
	err := w.client.DryRun(w.ctx, w.set(strings.Replace(binding, "view", "edit", 1)), w.opts)
	var rejected *Rejected
	if !errors.As(err, &rejected) || rejected.Reason != ReasonImmutable || !strings.Contains(err.Error(),
		"roleRef cannot change") {
		t.Errorf("got %v", err)
	}
}

// Missing rights are told from a bad object, with who lacks what and where; and they are no passing trouble.
func TestMissingRightsAreNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.set(agent)
	err := w.as("deployer").DryRun(w.ctx, s, w.opts)
	if err == nil {
		// Discovery is open to everybody, the objects are not.
		t.Fatal("no error")
	}
	t.Log(err)
	for _, want := range []string{"DaemonSet " + w.ns + "/agent: is forbidden", `User "deployer" cannot`,
		`"daemonsets"`, `"apps"`, "Role or ClusterRole", "in namespace " + w.ns} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q", want)
		}
	}
	var rejected *Rejected
	if !errors.As(err, &rejected) || rejected.Reason != ReasonForbidden || Temporary(err) {
		t.Errorf("reason: %+v", rejected)
	}
}

// Whoever may not grant a right cannot apply a role with it; the text names the right.
func TestAnEscalationIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.kube.RbacV1().Roles(w.ns).Create(w.ctx, &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: "deployer"},
		Rules: []rbacv1.PolicyRule{{APIGroups: []string{"rbac.authorization.k8s.io"},
			Resources: []string{"roles", "rolebindings"}, Verbs: []string{"get", "create", "patch"}}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.kube.RbacV1().RoleBindings(w.ns).Create(w.ctx, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "deployer"},
		RoleRef:    rbacv1.RoleRef{APIGroup: "rbac.authorization.k8s.io", Kind: "Role", Name: "deployer"},
		Subjects:   []rbacv1.Subject{{APIGroup: "rbac.authorization.k8s.io", Kind: "User", Name: "deployer"}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s := w.set(`
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: agent}
rules: [{apiGroups: [""], resources: [secrets], verbs: [list]}]`)
	eventually(t, func() error {
		err := w.as("deployer").DryRun(w.ctx, s, w.opts)
		var rejected *Rejected
		if !errors.As(err, &rejected) || rejected.Reason != ReasonForbidden || !strings.Contains(err.Error(),
			"does not hold itself") || !strings.Contains(err.Error(), "secrets") {
			return errors.Join(errors.New("not the expected error"), err)
		}
		return nil
	})
}

// The API server's errors about a Secret quote its values. None of them leaves the package, in whatever way it is
// wrong.
func TestASecretsValuesAreInNoError(t *testing.T) {
	t.Parallel()
	const value = "hunter2-correct-horse"
	encoded := base64.StdEncoding.EncodeToString([]byte(value))
	for name, text := range map[string]string{
		"not base64":       "data: {password: '" + value + "!'}",
		"a number":         "data: {password: 31337007}",
		"a list":           "stringData: {password: [" + value + "]}",
		"misplaced":        "password: " + value,
		"type with keys":   "type: kubernetes.io/tls\nstringData: {password: " + value + "}",
		"invalid json":     "type: kubernetes.io/dockerconfigjson\nstringData: {.dockerconfigjson: '" + value + "'}",
		"invalid key":      "stringData: {'pass word': " + value + "}",
		"too large a name": "immutable: " + value,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			s := w.set("apiVersion: v1\nkind: Secret\nmetadata: {name: key}\n" + text)
			err := w.client.DryRun(w.ctx, s, w.opts)
			_, applyErr := w.client.Apply(w.ctx, s, w.opts)
			for _, err := range []error{err, applyErr} {
				var rejected *Rejected
				if !errors.As(err, &rejected) || rejected.Reason != ReasonInvalid {
					t.Fatalf("got %v", err)
				}
				for _, secret := range []string{value, encoded, "hunter2", "31337007"} {
					if strings.Contains(err.Error(), secret) {
						t.Errorf("the error holds the value: %v", err)
					}
				}
			}
			t.Log(err)
		})
	}
}

// Drift of a Secret is reported by field, without its values.
func TestASecretsValuesAreInNoDrift(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.set("apiVersion: v1\nkind: Secret\nmetadata: {name: key}\nstringData: {password: hunter2}")
	w.apply(s)
	w.by("intruder", w.id("Secret", "key"),
		`{"data":{"password":"c3RvbGVu"},"metadata":{"annotations":{"x":"hunter2"}}}`)
	drifts, err := w.client.Drifted(w.ctx, s, w.opts)
	if err != nil || len(drifts) != 1 {
		t.Fatalf("got %v %v", drifts, err)
	}
	for _, c := range drifts[0].Changes {
		if c.Live != "(withheld)" && c.Live != "" || c.Want != "(withheld)" && c.Want != "" {
			t.Errorf("change shows values: %+v", c)
		}
	}
	t.Logf("%+v", drifts)
}

// An object of another Sync is refused with the name of that Sync, and is not touched.
func TestAnObjectOfAnotherSyncIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(w.set(agent))
	w.opts.Owner.Name = "others"
	s := w.set(strings.Replace(agent, "level: info", "level: stolen", 1))
	err := w.client.DryRun(w.ctx, s, w.opts)
	_, applyErr := w.client.Apply(w.ctx, s, w.opts)
	for _, err := range []error{err, applyErr} {
		var rejected *Rejected
		if !errors.As(err, &rejected) || rejected.Reason != ReasonOwned || !strings.Contains(err.Error(),
			"belongs to Sync "+w.ns+"/agents") {
			t.Errorf("got %v", err)
		}
	}
	if valueAt(w.live(w.id("ConfigMap", "agent")), "data", "level") != "info" {
		t.Error("the other Sync's object was changed")
	}
}

// An object that is on its way out is waited for: an apply would vanish with it.
func TestAnObjectThatIsBeingDeletedIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.set(agent)
	w.apply(s)
	id := w.id("ConfigMap", "agent")
	w.by("holder", id, `{"metadata":{"finalizers":["example.com/hold"]}}`)
	if err := w.kube.CoreV1().ConfigMaps(w.ns).Delete(w.ctx, "agent", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	err := w.client.DryRun(w.ctx, s, w.opts)
	if err == nil || !Temporary(err) || !strings.Contains(err.Error(), "is being deleted") {
		t.Errorf("got %v", err)
	}
	w.by("holder", id, `{"metadata":{"finalizers":null}}`)
	w.apply(s)
}

// An API server that does not answer, or answers with trouble of its own, is no fault of the objects.
func TestTroubleOfTheAPIServerIsTemporary(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.set(agent)
	gone := rest.CopyConfig(w.config)
	gone.Host = "https://127.0.0.1:1"
	for name, wrap := range map[string]func(http.RoundTripper) http.RoundTripper{
		"refused": nil,
		"503":     answering(http.StatusServiceUnavailable),
		"500":     answering(http.StatusInternalServerError),
		"429":     answering(http.StatusTooManyRequests),
	} {
		t.Run(name, func(t *testing.T) {
			config := rest.CopyConfig(w.config)
			if wrap == nil {
				config = gone
			} else {
				config.Wrap(wrap)
			}
			client, err := NewClient(config)
			if err != nil {
				t.Fatal(err)
			}
			client.mapper = w.client.mapper
			err = client.DryRun(w.ctx, s, w.opts)
			if err == nil || !Temporary(err) {
				t.Errorf("temporary %t: %v", Temporary(err), err)
			}
		})
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answering is a proxy in front of the API server that answers itself.
func answering(code int) func(http.RoundTripper) http.RoundTripper {
	return func(http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: code, Request: r, Header: http.Header{}, Body: http.NoBody}, nil
		})
	}
}

// eventually waits for what the cluster does in its own time.
func eventually(t testing.TB, check func() error) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Minute)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
