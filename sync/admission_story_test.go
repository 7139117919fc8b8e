package sync

import (
	"encoding/json"
	stderrors "errors"
	"regexp"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/daemongate/daemongate/manifests/install"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// wrong is a value of a field of the spec that the API server refuses, and what its answer has to say beside the
// field's name.
type wrong struct{ field, value, says string }

// wrongDurations are no lengths of time, or no sensible ones, for a field.
func wrongDurations(field, least, most string, values ...string) []wrong {
	var all []wrong
	for _, v := range append(values, `"soon"`, `"1d"`, `"-5s"`, `"5"`, `"1.5.0s"`, `""`, `"99999h59m"`, `"9999999999s"`) {
		all = append(all, wrong{field, v, least + " to " + most})
	}
	return all
}

func wrongEach(field, says string, values ...string) []wrong {
	var all []wrong
	for _, v := range values {
		text, _ := json.Marshal(v) // a string
		all = append(all, wrong{field, string(text), says})
	}
	return all
}

// pacedBy is a rollout with these stages, and what else is asked of its pace.
func pacedBy(stages, more string) string {
	return `{"onDelete":"Pace","pace":{"stages":[` + stages + `]` + more + `}}`
}

// wrongPaces are mistakes about what goes before what.
func wrongPaces() []wrong {
	all := []wrong{
		{"rollout", `{"onDelete":"Wait","pace":{"stages":[{"name":"a"}]}}`, "go together"},
		{"rollout", `{"pace":{"stages":[{"name":"a"}]}}`, "go together"},
		{"rollout", `{"onDelete":"Pace"}`, "go together"},
		{"rollout", pacedBy("", ""), "stages"},
		{"rollout", pacedBy(`{"name":"a"},{"name":"b","approve":true}`, ""), "before it"},
		{"rollout", pacedBy(`{"name":"a"},{"name":"a"}`, ""), "one name"},
		{"rollout", pacedBy(`{"name":"A b"}`, ""), "name"},
		{"rollout", pacedBy(`{"name":"fix"}`, ""), "another name"},
		{"rollout", pacedBy(`{"name":"a","order":["x"]}`, ""), "each"},
		{"rollout", pacedBy(`{"name":"a","each":"zone","batches":{"first":1}}`, ""), "either each or batches"},
		{"rollout", pacedBy(`{"name":"a","each":"zone","atMost":1}`, ""), "atMost"},
		{"rollout", pacedBy(`{"name":"a","batches":{"first":0}}`, ""), "first"},
	}
	for _, soak := range []string{`"soon"`, `"721h"`, `"-5s"`, `""`} {
		all = append(all, wrong{"rollout", pacedBy(`{"name":"a","soak":`+soak+`}`, ""), "0s to 720h"},
			wrong{"gate.after", `[{"sync":"a","soak":` + soak + `}]`, "0s to 720h"})
	}
	alerts := func(fields string) string { return pacedBy(`{"name":"a"}`, `,"gates":{"alerts":{`+fields+`}}`) }
	all = append(all, wrong{"rollout", alerts(`"url":"https://a","matchers":[]`), "matchers"},
		wrong{"rollout", alerts(`"url":"https://a"`), "matchers"}, wrong{"rollout", alerts(`"matchers":["a=\"b\""]`), "url"},
		wrong{"rollout", alerts(`"url":"https://a","api":"Nagios","matchers":["a=\"b\""]`), "Alertmanager"},
		wrong{"rollout", alerts(`"url":"https://a","matchers":["a=\"b\""],"secretRef":{"name":"A b"}`), "lower case"})
	all = append(all, wrong{"rollout", pacedBy(`{"name":"a","overlap":true,"soak":"1m"}`, ""), "not go with soak"},
		wrong{"rollout", pacedBy(`{"name":"a","atMost":1,"overlap":true,"approve":true}`, ""), "not go with soak"})
	for _, matcher := range []string{`a=\"b\u0007\"`, `a=\"b\n\"`, `a=\"\\\u001b\"`, `a=\"\u009b\"`, `a=b`, `a`, `a==\"b\"`, `a=\"b`, `{a=\"b\"}`, `a=\"b\",c=\"d\"`, `1=\"b\"`} {
		all = append(all, wrong{"rollout", alerts(`"url":"https://a","matchers":["` + matcher + `"]`), "should match"})
	}
	for _, address := range []string{`ftp://a`, `a/b`, `https://ada@a`, `https://a/?b`, ``} {
		all = append(all, wrong{"rollout", alerts(`"url":"` + address + `","matchers":["a=\"b\""]`), "https://host/path"})
	}
	for _, share := range []string{`0`, `-1`, `"50"`, `"few"`, `"0%"`, `"101%"`} {
		all = append(all, wrong{"rollout", pacedBy(`{"name":"a"}`, `,"maxUnavailable":`+share), "such as 3"})
	}
	return all
}

// wrongStatuses are entries of gate.after that statuses of commits cannot serve, beside a report to some host.
func wrongStatuses() (all []wrong) {
	spec := func(provider, fields string) string {
		return `{"after":[{"cluster":"a","channel":"Statuses"` + fields + `}]},"report":{"provider":"` + provider +
			`","secretRef":{"name":"token"}}`
	}
	for _, provider := range []string{"None", "Notes", "BitbucketDataCenter"} {
		all = append(all, wrong{"gate", spec(provider, ""), "GitHub, GitLab, Gitea or BitbucketCloud"})
	}
	return append(all, wrong{"gate", spec("BitbucketCloud", `,"creators":["bot"]`), "who wrote a status"},
		wrong{"gate", spec("GitHub", `,"creators":[]`), "creators"}, wrong{"gate", spec("GitHub", `,"creators":[""]`), "creators"},
		wrong{"gate", spec("GitHub", `,"creators":["bot","bot"]`), "Duplicate"},
		wrong{"gate", spec("GitHub", `,"verify":{"secretRef":{"name":"s"}}`), "nobody can sign"})
}

// wrongSpecs has one of every kind of mistake that the schema can know of.
func wrongSpecs() []wrong {
	window := func(fields string) string { return `[{"duration":"1h",` + fields + `}]` }
	refs := []string{"a b", "a..b", "-a", "a/", "/a", "a//b", "a~1", "a^", "a:b", "a?b", "a*", "a[b", `a\b`, "a@{1}", "a.lock",
		"a.", "a\tb"}
	names := []string{"Foo Bar", "FOO", "a_b", "-a", "a-", "a/b", "a..b", "ä"}
	sizes := []string{"bla", "4 Mi", "-1", "0", "4MB", "2Ti"}
	shares := []wrong{{"", `-1`, "such as 3"}, {"", `"-1%"`, "such as 3"}, {"", `"10%%"`, "such as 3"}, {"", `"101%"`, "such as 3"},
		{"", `"few"`, "such as 3"}, {"", `"1.5"`, "such as 3"}, {"", `"1.5%"`, "such as 3"}}
	crons := []string{"bla", "61 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 13 *", "* * * 0 *", "* * * * 7", "* * * *",
		"* * * * * *", "*/0 * * * *", "@often", "@Daily", "a b c d e", "1- * * * *", "1,,2 * * * *", "* * * * mo"}
	all := []wrong{
		{"source.interval", `5`, "string"},
		{"source.schedule", `"TZ=UTC 0 0 * * *"`, "timeZone"},
		{"source.schedule", `"@every 1h"`, "interval"},
		{"source.timeZone", `"Europe/Berlin"`, "schedule"},
		{"source.startingDeadline", `"1h"`, "schedule"},
		{"source.startingDeadline", `"99h","schedule":"0 0 * * *"`, "0s to 24h"},
		{"source.timeZone", `"Local","schedule":"0 0 * * *"`, "Europe/Berlin"},
		{"source.verify", `{"mode":"Every","secretRef":{"name":"signers"},"accept":["1234567"]}`, "full hash"},
		{"source.interval", `"5m","schedule":"0 0 * * *"`, "either interval or schedule"},
		{"source.verify", `{"mode":"Head"}`, "secretRef"},
		{"source.verify.mode", `"Tag","secretRef":{"name":"signers"}`, "ref.tag"},
		{"source.verify.mode", `"Sometimes"`, "Every"},
		{"source.ref", `{"branch":"a","tag":"b"}`, "one of"},
		{"source.ref", `{"prereleases":true}`, "semver"},
		{"source.brnch", `"main"`, "unknown field"},
		{"windows[0]", `[{"duration":"1h"}]`, "either allow or deny"},
		{"windows[0]", window(`"allow":"0 0 * * *","deny":"0 0 * * *"`), "either allow or deny"},
		{"windows[0].duration", `[{"allow":"0 0 * * *"}]`, "Required"},
		{"windows[0].allow", window(`"allow":"TZ=UTC 0 0 * * *"`), "timeZone"},
		{"windows[0].deny", window(`"deny":"@every 1h"`), "@every"},
		{"windows[0].allow", window(`"allow":"bla"`), "five fields"},
		{"windows[0].deny", window(`"deny":"61 * * * *"`), "minute 0-59"},
		{"windows[0].timeZone", window(`"allow":"0 0 * * *","timeZone":"Local"`), "Europe/Berlin"},
		{"windows[0].timeZone", window(`"allow":"0 0 * * *","timeZone":"CET CEST"`), "Europe/Berlin"},
		{"gate.onRelapse", `"Hold","relapse":"0s"`, "relapse"},
		{"gate.after", `[{}]`, "give sync, or cluster"}, {"gate.after", `[{"soak":"1h"}]`, "give sync, or cluster"},
		{"gate.after", `[{"sync":"a/b"}]`, "same namespace"}, {"gate.after", `[{"sync":"a","count":2}]`, "needs cluster"},
		{"gate.after", `[{"sync":"a","failureBudget":1}]`, "needs cluster"},
		{"gate.after", `[{"sync":"a","verify":{"secretRef":{"name":"s"}}}]`, "needs cluster"},
		{"gate.after", `[{"cluster":"canary-*"}]`, "on how many"}, {"gate.after", `[{"cluster":"a","count":0}]`, "1"},
		{"gate.after", `[{"cluster":"a","failureBudget":-1}]`, "0"}, {"gate.after", `[{"cluster":"a","verify":{}}]`, "secretRef"},
		{"gate.after", `[{"cluster":"a","verify":{"secretRef":{"name":"A_b"}}}]`, "lower case"},
		{"gate.after", `[{"sync":"a","channel":"Notes"}]`, "needs cluster"}, {"gate.after", `[{"cluster":"a","channel":"Mail"}]`, "Statuses"},
		{"gate.after", `[{"cluster":"a","creators":["bot"]}]`, "needs channel Statuses"},
		{"gate.after", `[{"cluster":"a","channel":"Notes","creators":["bot"]}]`, "needs channel Statuses"},
		{"gate.after", `[{"cluster":"a","channel":"Statuses"}]`, "GitHub, GitLab, Gitea or BitbucketCloud"},
		{"gate.order", `"Random"`, "Latest"}, {"gate.preflight", `"Refuse"`, "Hold"},
		{"render.maxObjects", `0`, "1"},
		{"rollout.after", `{"Bad":"1m"}`, "cause"},
		{"rollout.after[CrashLoop]", `"soon"`, "such as 30s"},
		{"report.secretRef", `{"provider":"GitHub"}`, "Secret"},
		{"report.nodes", `true,"inCluster":"Counts"`, "keep one of them"},
		{"report.inCluster", `"Names"`, "Counts"},
		{"report.notify", `{}`, "secretRef"},
		{"report.notify.states", `["Complete","Broken"],"secretRef":{"name":"chat"}`, "Stuck"},
		{"report.notify.states", `["Stuck","Stuck"],"secretRef":{"name":"chat"}`, "Duplicate"},
		{"report.notify.states", `[],"secretRef":{"name":"chat"}`, "at least 1"},
		{"report.notify.url", `"https://chat.example.com/hook","secretRef":{"name":"chat"}`, "unknown field"},
		{"webhook", `{}`, "secretRef"},
		{"apply.kubeConfig", `{}`, "secretRef"},
		{"apply.kubeConfig.secretRef.name", `""`, "1"},
		{"apply.kubeConfig.secretRef.key", `"a b","name":"prod"`, "key of a Secret"},
	}
	all = append(all, wrongStatuses()...)
	all = append(all, wrongPaces()...)
	all = append(all, wrongDurations("source.interval", "1s", "24h", `"0s"`, `"25h"`)...)
	all = append(all, wrongDurations("source.startingDeadline", "0s", "24h", `"99h"`)...)
	all = append(all, wrongDurations("render.timeout", "1s", "1h", `"0s"`, `"2h"`)...)
	all = append(all, wrongDurations("gate.relapse", "0s", "168h")...)
	all = append(all, wrongDurations("gate.progressDeadline", "1s", "168h", `"0s"`)...)
	all = append(all, wrongDurations("rollout.settle", "0s", "24h")...)
	all = append(all, wrongDurations("rollout.probation", "0s", "24h")...)
	all = append(all, wrongDurations("rollout.proof", "0s", "24h")...)
	all = append(all, wrongDurations("windows[0].duration", "1m", "8784h", `"1s"`, `"8785h"`)...)
	for _, field := range []string{"gate.failureBudget", "rollout.maxRemoved", "rollout.maxAbsent"} {
		for _, share := range shares {
			all = append(all, wrong{field, share.value, share.says})
		}
	}
	for _, field := range []string{"render.maxFileSize", "render.maxTotalSize", "render.maxMemory"} {
		all = append(all, wrongEach(field, "such as 4Mi", sizes...)...)
	}
	all = append(all, wrong{"render.maxMemory", `"63Mi"`, "64Mi to 1Ti"})
	for _, field := range []string{"source.ref.branch", "source.ref.tag"} {
		all = append(all, wrongEach(field, "check-ref-format", refs...)...)
	}
	all = append(all, wrongEach("source.ref.name", "refs/heads/main", "main", "heads/main", "refs/heads/a b")...)
	all = append(all, wrongEach("source.ref.commit", "full hash", "1234567", strings.Repeat("A", 40))...)
	all = append(all, wrongEach("source.ref.semver", "~1.4", "latest", "1.2.3.4", ">=", "1 && 2", "=>a")...)
	all = append(all, wrongEach("source.schedule", "five fields", crons...)...)
	all = append(all, wrongEach("source.path", "relative to its root", "..", "../x", "/../x", "./../x")...)
	for _, field := range []string{"source.secretRef", "source.verify.secretRef", "report.secretRef",
		"report.notify.secretRef", "webhook.secretRef", "apply.kubeConfig.secretRef"} {
		all = append(all, wrongEach(field+".name", "lower case", names...)...)
	}
	all = append(all, wrongEach("apply.serviceAccountName", "ServiceAccount", names...)...)
	all = append(all, wrongEach("apply.targetNamespace", "namespace", append(names, "a.b")...)...)
	all = append(all, wrongEach("report.url", "https://host/path", "ftp://a/b", "https://ada@host/", "host/api")...)
	all = append(all, wrongEach("report.targetURL", "{commit}", "https://a/{commi}", "a/b")...)
	all = append(all, wrongEach("report.repository", "owner/name", "fleet", "https://host/a/b", "a b/c")...)
	all = append(all, wrongEach("source.url", "neither a password nor a token", "https://ada:hunter2@git.example.com/fleet.git",
		"https://hunter2@git.example.com/fleet.git", "ssh://ada:hunter2@git.example.com/fleet.git", "HTTPS://ada:hun/ter2@git.example.com/x")...)
	return append(all, wrongEach("source.url", "user@host:path", "ftp://git.example.com/fleet.git", "git://git.example.com/fleet.git",
		"git.example.com/fleet.git", "https://git.example.com", "https://git.example.com/", "https:///fleet.git", "ext::sh -c true",
		"http:/git.example.com/fleet.git", " https://git.example.com/fleet.git", "file://elsewhere/fleet.git", "fleet")...)
}

// rightSpecs must pass.
var rightSpecs = []struct{ field, value string }{
	{"windows", `[{"allow":"0 0 * * *","duration":"6h","timeZone":"Asia/Tokyo"},{"deny":"@daily","duration":"8784h"}]`},
	{"windows", `[{"allow":"*/15 8-17/2 1,15 jan-mar,12 Mon-FRI","duration":"1m","timeZone":"America/Argentina/Buenos_Aires"}]`},
	{"windows", `[{"allow":" 00 09  ? * 0-6","duration":"1h30m","timeZone":"Etc/GMT+5"}]`},
	{"source.schedule", `"5/10 0 29 2 *","timeZone":"UTC","startingDeadline":"24h"`},
	{"source.schedule", `"@hourly","startingDeadline":"0s"`},
	{"source.interval", `"1s"`}, {"source.interval", `"1h30m0.5s"`}, {"source.interval", `"1500ms"`}, {"source.interval", `"24h0m0s"`},
	{"source.path", `"/clusters/prod/../prod"`}, {"source.path", `"./..a"`}, {"source.path", `""`},
	{"source.ref.branch", `"feature/käse-1.2@home#3"`}, {"source.ref.branch", `"refs/heads/main"`}, {"source.ref.tag", `"v1.2.3+build.1"`},
	{"source.ref.name", `"refs/changes/12/34/5"`}, {"source.ref.commit", `"0123456789012345678901234567890123456789"`},
	{"source.ref.semver", `">=1.2.0-0 <2, !=1.5.x || ~3 || ^4.1 || 5 - 6.2"`}, {"source.ref.semver", `"*"`},
	{"source.ref.semver", `"1.x","prereleases":true`},
	{"source.verify", `{"mode":"Every","secretRef":{"name":"signers"},"accept":["0123456789012345678901234567890123456789"]}`},
	{"source.url", `"https://git.example.com:8443/a/b.git"`}, {"source.url", `"ssh://git@[2001:db8::1]:22/a/b"`},
	{"source.url", `"git@git.example.com:a/b.git"`}, {"source.url", `"git@[2001:db8::1]:/a/b.git"`}, {"source.url", `"git.example.com:a"`},
	{"source.url", `"file:///srv/a b"`}, {"source.url", `"/srv/a b"`}, {"source.url", `"HTTP://git.example.com/~ada/a%20b"`},
	{"source.secretRef", `{"name":"git.credentials-1"}`},
	{"gate.failureBudget", `0`}, {"gate.failureBudget", `"3"`}, {"rollout.maxRemoved", `"100%"`}, {"rollout.maxAbsent", `"0%"`},
	{"gate.relapse", `"0s"`}, {"gate.onRelapse", `"Hold"`}, {"gate.preflight", `"Off"`}, {"gate.progressDeadline", `"168h"`},
	{"rollout.settle", `"0s"`}, {"rollout.proof", `"0"`}, {"rollout.after", `{"CrashLoop":"90s","ImagePull":"0s"}`},
	{"render.maxMemory", `"64Mi"`}, {"render.maxFileSize", `"500k"`}, {"render.maxTotalSize", `"1e6"`}, {"render.timeout", `"1h"`},
	{"apply.serviceAccountName", `"fleet-deployer.v2"`}, {"apply.targetNamespace", `"platform"`},
	{"report", `{"provider":"GitLab","secretRef":{"name":"t"},"repository":"a/b/c","url":"https://gitlab.example.com/api/v4"}`},
	{"report", `{"nodes":true,"inCluster":"Details"}`}, {"report", `{"nodes":false,"inCluster":"Counts"}`},
	{"report.targetURL", `"https://g.example.com/d?c={commit}&n={namespace}/{name}"`},
	{"report.notify", `{"secretRef":{"name":"chat"}}`},
	{"report.notify", `{"secretRef":{"name":"chat"},"states":["Held","Applying","RollingOut","Complete","Stuck","Failed","Unchanged",` +
		`"Carried","Dropped","Relapsed","Recovered","RollingBack","RolledBack"]}`},
	{"webhook", `{"secretRef":{"name":"hook"}}`},
	{"apply.kubeConfig", `{"secretRef":{"name":"prod.kubeconfig","key":"value_1.yaml"}}`},
	{"gate.after", `[{"sync":"canary-agents","soak":"30m"}]`},
	{"gate", `{"after":[{"cluster":"canary-*","count":2,"channel":"Statuses","creators":["daemongate[bot]","Ada"]},{"cluster":"eu","channel":"Notes"}]},` +
		`"report":{"provider":"GitHub","secretRef":{"name":"token"}}`},
	{"gate.after", `[{"cluster":"canary-*","count":2,"failureBudget":1,"soak":"1h","sync":"platform/agents","verify":{"secretRef":{"name":"s"}}},{"cluster":"eu"}]`},
	{"rollout", pacedBy(`{"name":"canary","nodes":{"matchLabels":{"a":"b"}},"atMost":3,"soak":"30m","approve":true},`+
		`{"name":"zone","each":"topology.kubernetes.io/zone","order":["eu-1c"],"soak":"720h"},`+
		`{"name":"rest","batches":{"first":5},"approve":true}`, `,"maxUnavailable":"10%","supersede":true,"allowGap":true`)},
	{"rollout", pacedBy(`{"name":"zone","each":"zone","overlap":true},{"name":"a","atMost":2,"overlap":true,"soak":"0s"},`+
		`{"name":"b","soak":"5m","overlap":false}`, "")},
	{"rollout", pacedBy(`{"name":"canary","atMost":1,"approve":true}`, `,"maxUnavailable":3`)},
}

// syncWith is a Sync whose spec has one field more.
func syncWith(t *testing.T, namespace, field, value string) *unstructured.Unstructured {
	t.Helper()
	path := strings.Split(field, ".")
	text := value
	if strings.HasPrefix(field, "windows") && strings.HasPrefix(value, "[") {
		path = []string{"windows"}
	}
	for i := len(path) - 1; i >= 0; i-- {
		name := path[i]
		switch {
		case strings.HasSuffix(name, "[0]"):
			name = strings.TrimSuffix(name, "[0]")
			text = `[{"allow":"0 0 * * *",` + strings.TrimPrefix(text, "{") + `]`
		case strings.HasSuffix(name, "]"): // of a map
			var key string
			name, key, _ = strings.Cut(strings.TrimSuffix(name, "]"), "[")
			text = `{"` + key + `":` + text + `}`
		}
		text = `{"` + name + `":` + text + `}`
	}
	u := &unstructured.Unstructured{}
	spec := map[string]any{}
	if err := json.Unmarshal([]byte(text), &spec); err != nil {
		t.Fatalf("%s: %s: %v", field, text, err)
	}
	source, _ := spec["source"].(map[string]any)
	if source == nil {
		source = map[string]any{}
	}
	if source["url"] == nil {
		source["url"] = "https://git.example.com/fleet.git"
	}
	spec["source"] = source
	u.SetUnstructuredContent(map[string]any{"spec": spec})
	u.SetGroupVersionKind(api.Kind)
	u.SetNamespace(namespace)
	u.SetName("agents")
	return u
}

// Every mistake that a schema can know of is refused when it is written, by an answer that names the field and says
// what is allowed, and that repeats no password; and whatever is right passes. No rule of the schema can be left out
// unnoticed: each is the only reason why some mistake is refused.
func TestTheAPIServerRefusesWrongSyncs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	try := func(u *unstructured.Unstructured) error {
		_, err := w.client.Resource(api.Resource).Namespace(w.namespace).Create(t.Context(), u, metav1.CreateOptions{
			DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict})
		return err
	}
	alone := map[schemaRule]bool{}
	for _, one := range wrongSpecs() {
		field := one.field
		if field == "report.secretRef" && strings.HasPrefix(one.value, `{"provider`) {
			field = "report" // what lacks the field that is named
		}
		err := try(syncWith(t, w.namespace, field, one.value))
		noteOnlyReason(alone, err)
		switch {
		case err == nil:
			t.Errorf("%s: %s was taken", one.field, one.value)
		case !strings.Contains(err.Error(), "spec."+one.field) || !strings.Contains(err.Error(), one.says):
			t.Errorf("%s: %s: the answer does not name the field and %q: %v", one.field, one.value, one.says, err)
		case strings.Contains(err.Error(), "evaluat") || strings.Contains(err.Error(), "hunter2"):
			t.Errorf("%s: %s: %v", one.field, one.value, err)
		}
	}
	for _, one := range rightSpecs {
		if err := try(syncWith(t, w.namespace, one.field, one.value)); err != nil {
			t.Errorf("%s: %s: %v", one.field, one.value, err)
		}
	}
	long := syncWith(t, w.namespace, "suspend", "true")
	long.SetName(strings.Repeat("a", 64))
	err := try(long)
	if err == nil || !strings.Contains(err.Error(), "metadata.name") {
		t.Errorf("a long name: %v", err)
	}
	noteOnlyReason(alone, err)
	for _, rule := range schemaRules(t) {
		if !alone[rule] {
			t.Errorf("%s: without the rule %q every mistake would be refused all the same, or none is: add one",
				rule.field, rule.message)
		}
	}
}

// schemaRule is a rule of the schema: the field that its answer names, and what it says.
type schemaRule struct{ field, message string }

// noteOnlyReason notes the rule for which alone something was refused.
func noteOnlyReason(alone map[schemaRule]bool, err error) {
	var refused errors.APIStatus
	if !stderrors.As(err, &refused) || refused.Status().Details == nil || len(refused.Status().Details.Causes) != 1 {
		return
	}
	cause := refused.Status().Details.Causes[0]
	message := cause.Message
	if _, said, quotes := strings.Cut(message, ": "); quotes && strings.HasPrefix(message, "Invalid value") {
		message = said
		if strings.HasPrefix(said, `"`) { // the value, or its type
			_, message, _ = strings.Cut(said, `": `)
		}
	}
	field := strings.TrimPrefix(elements.ReplaceAllString(cause.Field, "[]"), "<nil>") // of the whole Sync
	alone[schemaRule{field, message}] = true
}

// elements are the index of a list and the key of a map in the name of a field.
var elements = regexp.MustCompile(`\[[^]]*\]`)

// schemaRules are all rules of the schema of Syncs.
func schemaRules(t *testing.T) []schemaRule {
	t.Helper()
	crd := must(install.CRD())[0]
	versions, _, err := unstructured.NestedSlice(crd.Object, "spec", "versions")
	if err != nil {
		t.Fatal(err)
	}
	version, _ := versions[0].(map[string]any)
	schema, _, err := unstructured.NestedMap(version, "schema", "openAPIV3Schema")
	if err != nil {
		t.Fatal(err)
	}
	return rulesOf("", schema)
}

func rulesOf(field string, schema map[string]any) (rules []schemaRule) {
	list, _ := schema["x-kubernetes-validations"].([]any)
	for _, one := range list {
		rule, _ := one.(map[string]any)
		message, _ := rule["message"].(string)
		path, _ := rule["fieldPath"].(string)
		rules = append(rules, schemaRule{strings.TrimPrefix(field+path, "."), message})
	}
	properties, _ := schema["properties"].(map[string]any)
	for name, one := range properties {
		if property, is := one.(map[string]any); is {
			rules = append(rules, rulesOf(field+"."+name, property)...)
		}
	}
	for _, of := range []string{"items", "additionalProperties"} {
		if element, is := schema[of].(map[string]any); is {
			rules = append(rules, rulesOf(field+"[]", element)...)
		}
	}
	return rules
}
