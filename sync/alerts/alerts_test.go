package alerts

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// page is what counts in these tests.
func page(t *testing.T, more ...string) (list []Matcher) {
	t.Helper()
	for _, text := range append([]string{`severity="page"`}, more...) {
		m, err := ParseMatcher(text)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, m)
	}
	return list
}

// Matchers are those of Alertmanager: a label that is missing is empty, and an expression is matched as a whole.
func TestMatchers(t *testing.T) {
	labels := map[string]string{"severity": "page", "team": "nodes"}
	for text, want := range map[string]bool{
		`severity="page"`: true, `severity = "page"`: true, `severity="warn"`: false, `severity!="page"`: false,
		`team=~"node"`: false, `team=~"node.*"`: true, `team=~"a|nodes"`: true, `team!~"node"`: true, `zone=""`: true,
		`zone!=""`: false, `team=~".*\\d"`: false, `zone!~".+"`: true,
	} {
		m, err := ParseMatcher(text)
		if err != nil || m.Matches(labels) != want {
			t.Errorf("%s: %v, %v", text, m.Matches(labels), err)
		}
		again, err := ParseMatcher(m.String())
		if err != nil || again.Matches(labels) != want {
			t.Errorf("%s written as %s: %v", text, m, err)
		}
	}
	for _, text := range []string{``, `severity`, `severity=page`, `severity=="page"`, `a b="c"`, `team=~"("`, `a="b",c="d"`,
		`{a="b"}`, `1a="b"`, `a="\x"`, "a=\"b\a\"", "a=\"b\x7f\"", "a=\"\u009b\"", "a=\"b\\\a\"", "a=\"b\"\n", "\ta=\"b\""} {
		if _, err := ParseMatcher(text); err == nil || !strings.Contains(err.Error(), "matcher") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// What an Alertmanager answers: https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml, gettableAlerts.
const alertmanagerSays = `[
 {"annotations":{"summary":"a"},"endsAt":"2026-11-30T06:04:00.000Z","fingerprint":"0e9","receivers":[{"name":"ops"}],
  "startsAt":"2026-11-30T05:00:00.000Z","status":{"inhibitedBy":[],"mutedBy":[],"silencedBy":[],"state":"active"},
  "updatedAt":"2026-11-30T06:00:00.000Z","generatorURL":"http://p/graph","labels":{"alertname":"NodeDown","severity":"page"}},
 {"annotations":{},"endsAt":"2026-11-30T06:04:00.000Z","fingerprint":"1e9","receivers":[{"name":"ops"}],
  "startsAt":"2026-11-30T05:00:00.000Z","status":{"inhibitedBy":[],"mutedBy":[],"silencedBy":["x"],"state":"suppressed"},
  "updatedAt":"2026-11-30T06:00:00.000Z","labels":{"alertname":"Silenced","severity":"page"}},
 {"annotations":{},"fingerprint":"2e9","receivers":[],"status":{"inhibitedBy":[],"silencedBy":[],"state":"active"},
  "labels":{"alertname":"Slow","severity":"warn"}},
 {"annotations":{},"fingerprint":"3e9","receivers":[],"status":{"inhibitedBy":[],"silencedBy":[],"state":"active"},
  "labels":{"alertname":"NodeDown","severity":"page","node":"b"}}]`

// What a Prometheus answers: https://prometheus.io/docs/prometheus/latest/querying/api/#alerts.
const prometheusSays = `{"status":"success","data":{"alerts":[
 {"activeAt":"2026-11-30T05:00:00Z","annotations":{},"labels":{"alertname":"DiskFull","severity":"page"},"state":"firing",
  "value":"1e+00"},
 {"activeAt":"2026-11-30T05:00:00Z","annotations":{},"labels":{"alertname":"Soon","severity":"page"},"state":"pending",
  "value":"1e+00"},
 {"activeAt":"2026-11-30T05:00:00Z","annotations":{},"labels":{"alertname":"Slow","severity":"warn"},"state":"firing",
  "value":"1e+00"}]}}`

// Both are asked as their APIs want it, with credentials, and what fires and counts is named once.
func TestWhatFiresIsNamed(t *testing.T) { //nolint:gocyclo // one rule after the other of one result
	var asked *http.Request
	answer := alertmanagerSays
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r
		_, _ = w.Write([]byte(answer))
	}))
	defer server.Close()
	s := Source{URL: server.URL + "/am/", Matchers: page(t, `team!="x y"`), Client: server.Client(),
		Authorize: func(_ context.Context, r *http.Request) error {
			r.Header.Set("Authorization", "Bearer t")
			return nil
		}}
	got, err := s.Firing(t.Context())
	if err != nil || !slices.Equal(got, []string{"NodeDown"}) {
		t.Errorf("%v, %v", got, err)
	}
	q := asked.URL.Query()
	if asked.URL.Path != "/am/api/v2/alerts" || q.Get("active") != "true" || q.Get("silenced") != "false" ||
		q.Get("inhibited") != "false" || !slices.Equal(q["filter"], []string{`severity="page"`, `team!="x y"`}) ||
		asked.Header.Get("Authorization") != "Bearer t" {
		t.Errorf("asked %s", asked.URL)
	}
	s.Prometheus, answer = true, prometheusSays
	if got, err = s.Firing(t.Context()); err != nil || !slices.Equal(got, []string{"DiskFull"}) ||
		asked.URL.Path != "/am/api/v1/alerts" {
		t.Errorf("%v, %v, asked %s", got, err, asked.URL)
	}
	for _, s := range []Source{{Prometheus: true}, {}} {
		s.URL, s.Client, s.Matchers = server.URL, server.Client(), page(t)
		if answer = `{"status":"success","data":{"alerts":[]}}`; !s.Prometheus {
			answer = `[]`
		}
		if got, err := s.Firing(t.Context()); err != nil || len(got) > 0 {
			t.Errorf("where none fires: %v, %v", got, err)
		}
	}
}

// Whatever is no answer of the API is an error that repeats nothing of it, and no "nothing fires".
func TestWhatIsNoAnswerIsAnError(t *testing.T) {
	status, answer := 200, ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status == 302 {
			w.Header().Set("Location", "/elsewhere?token=hunter2")
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(answer))
	}))
	client := server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, prometheus := range []bool{false, true} {
		for _, c := range []struct {
			status int
			answer string
		}{{200, ""}, {200, "null"}, {200, "{}"}, {200, "<html>hunter2</html>"}, {200, `{"status":"error","error":"hunter2"}`},
			{200, `{"status":"success"}`}, {200, `{"status":"success","data":{}}`}, {200, `[{"hunter2":1}]`},
			{200, `[{"labels":{"a":"b"}}]`}, {200, `{"status":"success","data":{"alerts":[{"labels":{"a":"b"}}]}}`},
			{500, "hunter2"}, {401, "hunter2"}, {302, ""}} {
			status, answer = c.status, c.answer
			s := Source{URL: server.URL, Prometheus: prometheus, Client: client, Matchers: page(t)}
			got, err := s.Firing(t.Context())
			if err == nil || len(got) > 0 || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%d %q: %v, %v", c.status, c.answer, got, err)
			}
		}
	}
	server.Close()
	s := Source{URL: server.URL + "/hunter2", Client: client}
	if _, err := s.Firing(t.Context()); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("of a server that is away: %v", err)
	}
}
