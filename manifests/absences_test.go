package manifests

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
)

const twoMaps = `
apiVersion: v1
kind: ConfigMap
metadata: {name: agent}
data: {key: v1, other: as ever}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: other}
data: {key: v1}`

// firstTime is a story of a set that is asked about and applied for the first time.
type firstTime struct {
	text    string
	before  func(w *world)
	between func(w *world) // the dry run and the apply
	options func(o *Options)
	user    string
	refused string // what the dry run says
	fails   string // what the apply says
}

// theirs has others make a ConfigMap, with a label and a value.
func theirs(manager, label, value string) func(w *world) {
	return func(w *world) {
		w.t.Helper()
		o := object(w.t, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: agent}\ndata: {key: "+value+"}")
		if label != "" {
			o.SetLabels(map[string]string{OwnerLabel: label})
		}
		w.made(manager, o)
	}
}

func (w *world) made(manager string, o *unstructured.Unstructured) {
	w.t.Helper()
	mapping, err := w.client.mapper.find(w.ctx, IDOf(o).groupKind(), "")
	if err != nil {
		w.t.Fatal(err)
	}
	o.SetNamespace(w.ns)
	_, err = w.client.resource(target{id: IDOf(o), mapping: mapping}).Create(w.ctx, o,
		metav1.CreateOptions{FieldManager: manager})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) end(names ...string) {
	w.t.Helper()
	for _, name := range names {
		if err := w.kube.CoreV1().ConfigMaps(w.ns).Delete(w.ctx, name, metav1.DeleteOptions{}); err != nil {
			w.t.Fatal(err)
		}
	}
}

// endless has an object that is there be on its way out.
func endless(w *world) {
	o := object(w.t, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: agent, finalizers: [example.com/never]}")
	w.made("somebody", o)
	w.end("agent")
	w.t.Cleanup(func() {
		_, _ = w.kube.CoreV1().ConfigMaps(w.ns).Patch(context.Background(), "agent", types.MergePatchType,
			[]byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
	})
}

// deployer lets a user do some things with ConfigMaps.
func deployer(verbs ...string) func(w *world) {
	return func(w *world) {
		w.t.Helper()
		_, err := w.kube.RbacV1().Roles(w.ns).Create(w.ctx, &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: "d"},
			Rules: []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: verbs}}},
			metav1.CreateOptions{})
		if err == nil {
			_, err = w.kube.RbacV1().RoleBindings(w.ns).Create(w.ctx, &rbacv1.RoleBinding{
				ObjectMeta: metav1.ObjectMeta{Name: "d"},
				RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "d"},
				Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: "deployer"}}},
				metav1.CreateOptions{})
		}
		if err != nil {
			w.t.Fatal(err)
		}
		eventually(w.t, func() error { // until the API server knows of it
			if err := w.as("deployer").DryRun(w.ctx, w.set(twoMaps), w.opts); err != nil &&
				strings.Contains(err.Error(), `cannot patch`) {
				return err
			}
			_, err := w.as("deployer").Get(w.ctx, w.id("ConfigMap", "agent"))
			if slices.Contains(verbs, "get") {
				return err
			}
			return nil
		})
	}
}

var firstTimes = map[string]firstTime{
	"nothing is there": {text: twoMaps + "\n---" + workloads},
	"one is another Sync's": {text: twoMaps, before: theirs(FieldManager, "others.theirs", "v1"),
		refused: "belongs to Sync others/theirs"},
	"one becomes another Sync's": {text: twoMaps, between: theirs(FieldManager, "others.theirs", "v1"),
		fails: "belongs to Sync others/theirs"},
	"one is kubectl's":      {text: twoMaps, before: theirs("kubectl-client-side-apply", "", "v0")},
	"one becomes kubectl's": {text: twoMaps, between: theirs("kubectl-client-side-apply", "", "v0")},
	"one is Helm's": {text: twoMaps, before: theirs("helm", "", "v0"),
		refused: `field manager "helm"`},
	"one becomes Helm's": {text: twoMaps, between: theirs("helm", "", "v0"),
		fails: `field manager "helm"`},
	"one is Helm's with the same value": {text: twoMaps, before: theirs("helm", "", "v1")},
	"one comes with the same value":     {text: twoMaps, between: theirs("helm", "", "v1")},
	"one is Helm's, and taken by force": {text: twoMaps, before: theirs("helm", "", "v0"), options: forced},
	"one comes, and is taken by force":  {text: twoMaps, between: theirs("helm", "", "v0"), options: forced},
	"one is on its way out":             {text: twoMaps, before: endless, refused: "is being deleted"},
	"one comes, and is on its way out":  {text: twoMaps, between: endless, fails: "is being deleted"},
	"one goes": {text: twoMaps, before: theirs("kubectl-create", "", "v0"),
		between: func(w *world) { w.end("agent") }},
	"one is invalid": {text: twoMaps + "\n---" + invalidMap, refused: "is invalid"},
	"a field is misspelt": {text: strings.Replace(twoMaps, "\ndata:", "\ndate:", 1),
		refused: "does not fit its schema"},
	"… of one that is another Sync's": {text: strings.Replace(twoMaps, "\ndata:", "\ndate:", 1),
		before: theirs(FieldManager, "others.theirs", "v1"), refused: "belongs to Sync others/theirs"},
	"a webhook takes its version away": {text: twoMaps, before: versionless,
		between: appliedByOthers, fails: "belongs to Sync others/theirs"},
	"one is applied by another Sync": {text: twoMaps, between: appliedByOthers, fails: "belongs to Sync others/theirs"},
	"its namespace is missing": {text: strings.Replace(twoMaps, "{name: other", "{namespace: NS-none, name: other", 1),
		refused: "not found"},
	"its namespace is in the set": {text: withNamespace + twoMapsElsewhere},
	"… and an object is invalid": {refused: "is invalid",
		text: withNamespace + strings.ReplaceAll(twoMapsElsewhere, "name: other", "name: other_")},
	"its definition is in the set": {
		text: strings.ReplaceAll(probeDefinition, "BETA", "true") + "\n---\n" + probe("v1", `a: "1"`)},
	"a kind of a definition": {before: probes, text: probe("v1", `a: "1"`)},
	"… of which one is another Sync's": {before: probes, between: anotherProbe, text: probe("v1", `a: "1"`),
		fails: "belongs to Sync others/theirs"},
	"a DaemonSet that may be made anew": {text: lateKinds["DaemonSet"],
		options: func(o *Options) { o.Recreate = true }},
	"its writer may do all but get": {text: twoMaps, user: "deployer", refused: `cannot get resource`,
		before: deployer("list", "watch", "create", "patch", "delete")},
	"its writer may get and patch": {text: twoMaps, user: "deployer", before: deployer("get", "patch"),
		refused: `cannot create resource`},
	"its writer may get, create and patch": {text: twoMaps, user: "deployer",
		before: deployer("get", "create", "patch")},
	"a policy denies it": {text: twoMaps, before: denies("object.metadata.name != 'other'"),
		refused: "was denied"},
	"a policy denies what has a version": {text: twoMaps, before: denies("!has(object.metadata.resourceVersion)"),
		fails: "was denied"},
	"a webhook adds to it": {text: twoMaps, before: mutated},
}

const workloads = `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      nodeSelector: {nowhere: "true"}
      containers: [{name: agent, image: a}]
---
apiVersion: v1
kind: Secret
metadata: {name: key}
stringData: {password: hunter2}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: agent}
rules: [{apiGroups: [""], resources: [secrets], verbs: [list]}]`

const invalidMap = "\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: bad_name}"

const withNamespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: NS-new}\n---"

var twoMapsElsewhere = strings.ReplaceAll(twoMaps, "{name:", "{namespace: NS-new, name:")

func forced(o *Options) { o.Force = true }

func denies(but string) func(w *world) {
	return func(w *world) {
		w.policy("configmaps", but, "'no'")
		refused := w.set("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other, resourceVersion: '1'}")
		refused.objects[0].SetResourceVersion(absent)
		_ = w.denied(refused)
	}
}

func probes(w *world) { w.apply(w.set(strings.ReplaceAll(probeDefinition, "BETA", "true"))) }

func anotherProbe(w *world) {
	o := object(w.t, strings.ReplaceAll(probe("v1", `b: "1"`), "NS", w.ns))
	o.SetLabels(map[string]string{OwnerLabel: "others.theirs"})
	w.made(FieldManager, o)
}

// appliedByOthers has another Sync apply a ConfigMap.
func appliedByOthers(w *world) {
	w.t.Helper()
	other := *w
	other.opts.Owner = Owner{Namespace: "others", Name: "theirs"}
	other.apply(other.set("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: agent}\ndata: {key: theirs}"))
}

const added = `{"op":"add","path":"/metadata/annotations","value":{"added":"by a webhook"}}`

func mutated(w *world) { w.webhook("[" + added + "]") }

// versionless has a webhook take out of ConfigMaps what a write of them was decided on.
func versionless(w *world) {
	w.webhook(`[{"op":"add","path":"/metadata/resourceVersion","value":""},` + added + "]")
}

// webhook has one patch the ConfigMaps of the world's namespace.
func (w *world) webhook(patch string) {
	w.t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		var review admissionv1.AdmissionReview
		text, _ := io.ReadAll(r.Body)
		_ = json.Unmarshal(text, &review)
		kind := admissionv1.PatchTypeJSONPatch
		review.Response = &admissionv1.AdmissionResponse{UID: review.Request.UID, Allowed: true, PatchType: &kind,
			Patch: []byte(patch)}
		_ = json.NewEncoder(rw).Encode(review)
	}))
	w.t.Cleanup(server.Close)
	none, fail := admissionregistrationv1.SideEffectClassNone, admissionregistrationv1.Fail
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	all := w.kube.AdmissionregistrationV1().MutatingWebhookConfigurations()
	_, err := all.Create(w.ctx, &admissionregistrationv1.MutatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: w.ns},
		Webhooks: []admissionregistrationv1.MutatingWebhook{{Name: "adds.example.com", SideEffects: &none,
			AdmissionReviewVersions: []string{"v1"}, FailurePolicy: &fail,
			ClientConfig: admissionregistrationv1.WebhookClientConfig{URL: &server.URL, CABundle: certificate},
			NamespaceSelector: &metav1.LabelSelector{
				MatchLabels: map[string]string{"kubernetes.io/metadata.name": w.ns}},
			Rules: []admissionregistrationv1.RuleWithOperations{{
				Operations: []admissionregistrationv1.OperationType{"CREATE", "UPDATE"},
				Rule: admissionregistrationv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"},
					Resources: []string{"configmaps"}}}}}}}, metav1.CreateOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = all.Delete(context.Background(), w.ns, metav1.DeleteOptions{}) })
	eventually(w.t, func() error {
		seen, err := w.client.Preview(w.ctx, w.set("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}"), w.opts)
		if err == nil && seen[0].GetAnnotations()["added"] == "" {
			err = errors.New("the webhook is not asked yet")
		}
		return err
	})
}

// Whatever is there when a set is asked about for the first time, comes before it is applied, or goes: what is answered
// and refused, what is written, and who manages it, is the same with a look before each write as without.
func TestAFirstApplyIsAsWithALook(t *testing.T) {
	t.Parallel()
	for name, s := range firstTimes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			looked, unlooked := s.told(t, false), s.told(t, true)
			if looked != unlooked {
				t.Errorf("with a look\n%s\nwithout\n%s", looked, unlooked)
			}
			for what, want := range map[string]string{"dry run: ": s.refused, "apply: ": s.fails} {
				_, said, asked := strings.Cut(unlooked, "\n"+what)
				said, _, _ = strings.Cut(said, "\n")
				if asked && (said == "fine" != (want == "") || !strings.Contains(said, want)) {
					t.Errorf("%s%s, and not %q", what, said, want)
				}
			}
		})
	}
}

// told plays the story, and tells what came of it.
func (s firstTime) told(t *testing.T, unlooked bool) string {
	t.Helper()
	w := newWorld(t)
	if s.options != nil {
		s.options(&w.opts)
	}
	if s.before != nil {
		s.before(w)
	}
	client := w.client
	if s.user != "" {
		client = w.as(s.user)
	}
	set := w.set(s.text)
	o := w.opts
	if unlooked {
		o.Absences = set.Unwritten(nil)
	}
	var b strings.Builder
	answers, err := client.Preview(w.ctx, set, o)
	fmt.Fprintf(&b, "\ndry run: %s\n", saidOf(err))
	for _, a := range answers {
		fmt.Fprintln(&b, IDOf(a), w.inEssence(a))
	}
	if err == nil {
		if s.between != nil {
			s.between(w)
		}
		done, err := client.Apply(w.ctx, set, o)
		fmt.Fprintf(&b, "\napply: %s\n", saidOf(err))
		for _, a := range done {
			fmt.Fprintln(&b, a, a.Changed, len(a.Leftovers), w.inEssence(a.Object))
		}
	}
	for _, id := range set.IDs() {
		fmt.Fprintln(&b, id, w.inEssence(w.live(id)))
	}
	return strings.ReplaceAll(b.String(), w.ns, "NS")
}

func saidOf(err error) string {
	if err == nil {
		return "fine"
	}
	return fmt.Sprint(strings.ReplaceAll(err.Error(), "\n", "; "), ", temporary: ", Temporary(err))
}

// inEssence is an object without what differs from one to the next, and without its status.
func (w *world) inEssence(o *unstructured.Unstructured) string {
	if o == nil {
		return "nothing"
	}
	o = o.DeepCopy()
	o.SetUID("")
	o.SetCreationTimestamp(metav1.Time{})
	if o.GetDeletionTimestamp() != nil {
		o.SetDeletionTimestamp(&metav1.Time{})
	}
	if o.GetResourceVersion() != "" {
		o.SetResourceVersion("some")
	}
	entries := slices.DeleteFunc(o.GetManagedFields(), func(e metav1.ManagedFieldsEntry) bool {
		return e.Subresource == "status"
	})
	for i := range entries {
		entries[i].Time = nil
	}
	slices.SortFunc(entries, func(a, b metav1.ManagedFieldsEntry) int { return strings.Compare(a.Manager, b.Manager) })
	o.SetManagedFields(entries)
	delete(o.Object, "status")
	text, err := json.Marshal(o.Object)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

// What another Daemongate has applied for the same Sync between the dry run and the apply is left to whoever decided
// what to write: an apply that comes late takes nothing back.
func TestAFirstApplyThatIsLateChangesNothing(t *testing.T) {
	t.Parallel()
	for kind := range lateKinds {
		w := newWorld(t)
		late, o := w.commit(kind, "2"), w.opts
		o.Absences = late.Unwritten(nil)
		if err := w.client.DryRun(w.ctx, late, o); err != nil {
			t.Fatal(err)
		}
		w.apply(w.commit(kind, "3"))
		wanted := w.asWritten(w.id(kind, "agent"))
		client, way := w.over(nil)
		_, err := client.Apply(w.ctx, late, o)
		if err == nil || !Temporary(err) {
			t.Errorf("%s: it ended with: %v", kind, err)
		}
		if got := w.asWritten(w.id(kind, "agent")); got != wanted {
			t.Errorf("%s: it changed %s\nto %s", kind, wanted, got)
		}
		if way.sent["PATCH"] != 1 || way.sent["409"] != 1 {
			t.Errorf("%s: requests and answers: %v", kind, way.sent)
		}
	}
}

// What a Sync has written before it may itself make anew, if somebody has deleted it, while its next commit waits: that
// is not for another Daemongate's.
func TestWhatWasWrittenBeforeIsLookedAt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, next, o := w.commit("ConfigMap", "1"), w.commit("ConfigMap", "2"), w.opts
	w.apply(first)
	w.end("agent")
	o.Absences = next.Unwritten(first.Inventory())
	if err := w.client.DryRun(w.ctx, next, o); err != nil {
		t.Fatal(err)
	}
	w.apply(first)
	if done, err := w.client.Apply(w.ctx, next, o); err != nil || !done[0].Changed || done[0].Created {
		t.Errorf("%v %v", done, err)
	}
}

// A write that the API server has trouble with is left to the next turn, as one that was looked at is.
func TestAFirstApplyInTroubleIsTriedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	set, o := w.commit("ConfigMap", "1"), w.opts
	o.Absences = set.Unwritten(nil)
	if err := w.client.DryRun(w.ctx, set, o); err != nil {
		t.Fatal(err)
	}
	asked := 0
	config := rest.CopyConfig(w.config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		trouble := answering(http.StatusInternalServerError)(next)
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if !strings.Contains(r.URL.Path, "/configmaps/") {
				return next.RoundTrip(r)
			}
			asked++
			return trouble.RoundTrip(r)
		})
	})
	if _, err := must(NewClient(config)).Apply(w.ctx, set, o); !Temporary(err) || asked != 1 {
		t.Errorf("after %d requests: %v", asked, err)
	}
}

// An API server that is not Kubernetes' own may keep its objects where nobody looks at what a write was decided on.
func TestOnlyKubernetesOwnGroupsAreTrusted(t *testing.T) {
	t.Parallel()
	for group, want := range map[string]bool{"": true, "apps": true, "rbac.authorization.k8s.io": true,
		"gateway.networking.k8s.io": true, "example.com": false, "projectcalico.org": false, "x-k8s.io": false} {
		if inEtcd(group) != want {
			t.Errorf("%q: %t", group, !want)
		}
	}
}
