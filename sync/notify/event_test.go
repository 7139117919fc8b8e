package notify

import (
	"encoding/json"
	"net/url"
	"regexp"
	"testing"
	"time"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// An event keeps the rules of CloudEvents 1.0.2 (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents): those of
// spec.md for its attributes, and those of formats/json-format.md for how it is written. The official library reads
// it, too: cmd/devpackages: TestNotificationsAreCloudEvents.
func TestEventsKeepTheRulesOfCloudEvents(t *testing.T) { //nolint:gocyclo // one rule after the other of one result
	s := syncOf()
	s.Spec.Report.TargetURL = "https://grafana.example.com/d/{cluster}/{namespace}/{name}?c={commit}"
	body, err := EventOf(s, "prod eu/1", Message{ID: "17", Is: api.NoticeRollingBack, Commit: hashOf(1), State: api.Stuck,
		Text: "Stuck: \"ä\"", Time: noon}).Body()
	if err != nil {
		t.Fatal(err)
	}
	var is map[string]json.RawMessage
	if err := json.Unmarshal(body, &is); err != nil {
		t.Fatal(err)
	}
	attribute := func(name string) (text string) {
		if err := json.Unmarshal(is[name], &text); err != nil {
			t.Errorf("%s is %s, and must be a string: json-format, 2.2", name, is[name])
		}
		return text
	}
	for name := range is {
		if !regexp.MustCompile(`^[a-z0-9]{1,20}$`).MatchString(name) {
			t.Errorf("attribute %q: lower case letters and digits, at most 20: spec, Naming Conventions", name)
		}
	}
	for name, rule := range map[string]func(string) bool{
		"specversion":     func(v string) bool { return v == "1.0" },                                    // spec, specversion
		"id":              func(v string) bool { return v != "" },                                       // spec, id
		"source":          func(v string) bool { _, err := url.Parse(v); return v != "" && err == nil }, // spec, source: URI-reference
		"type":            func(v string) bool { return v == "io.daemongate.sync.rollingback" },         // spec, type
		"subject":         func(v string) bool { return v == hashOf(1) },                                // spec, subject
		"datacontenttype": func(v string) bool { return v == "application/json" },                       // spec, datacontenttype
		"time":            func(v string) bool { at, err := time.Parse(time.RFC3339, v); return err == nil && at.Equal(noon) },
	} {
		if v := attribute(name); !rule(v) {
			t.Errorf("%s is %q", name, v)
		}
	}
	if got := attribute("source"); got != "/clusters/prod%20eu%2F1/namespaces/platform/syncs/agents" {
		t.Errorf("source %q", got)
	}
	var data Data // json-format, 3.1: a JSON value in data, not in data_base64
	if err := json.Unmarshal(is["data"], &data); err != nil || data.Commit != hashOf(1) || data.State != api.Stuck ||
		data.Text != "Stuck: \"ä\"" || data.URL != "https://grafana.example.com/d/prod%20eu%2F1/platform/agents?c="+hashOf(1) {
		t.Errorf("data %+v, %v", data, err)
	}
}
