package notify

import (
	"encoding/json"
	"net/url"
	"strings"
	"time"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/outbox"
)

// ContentType is that of an event in the structured mode of CloudEvents' HTTP binding (1.0.2, §3.2).
const ContentType = "application/cloudevents+json; charset=UTF-8"

// typePrefix begins the type of each event; after it comes what has changed, in lower case.
const typePrefix = "io.daemongate.sync."

// Event is a message as a CloudEvent (https://github.com/cloudevents/spec, 1.0.2): its context attributes, and data.
type Event struct {
	SpecVersion     string `json:"specversion"`
	ID              string `json:"id"`
	Source          string `json:"source"`
	Type            string `json:"type"`
	Subject         string `json:"subject"`
	Time            string `json:"time"`
	DataContentType string `json:"datacontenttype"`
	Data            Data   `json:"data"`
}

// Data is what an event says.
type Data struct {
	Cluster   string `json:"cluster,omitempty"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Commit    string `json:"commit"`
	// State is the commit's own; By whose state it takes over, and Outcome that state.
	State    api.CommitState `json:"state"`
	By       string          `json:"by,omitempty"`
	Outcome  api.CommitState `json:"outcome,omitempty"`
	Relapsed bool            `json:"relapsed,omitempty"`
	Cause    string          `json:"cause,omitempty"`
	Text     string          `json:"text"`
	Stage    *Stage          `json:"stage,omitempty"`
	// URL is where the Sync's states link to, by spec.report.targetURL.
	URL string `json:"url,omitempty"`
}

// Stage is in which stage a paced rollout is.
type Stage struct {
	Number int32 `json:"number"`
	Of     int32 `json:"of"`
}

// EventOf is the event that tells a message of a Sync.
func EventOf(s *api.Sync, cluster string, m Message) Event {
	data := Data{Cluster: cluster, Namespace: s.Namespace, Name: s.Name, Commit: m.Commit, State: m.State, By: m.By,
		Outcome: m.Outcome, Relapsed: m.Relapsed, Cause: m.Cause, Text: m.Text,
		URL: outbox.TargetURL(s, cluster, m.Commit)}
	if m.Stages > 0 {
		data.Stage = &Stage{Number: m.Stage, Of: m.Stages}
	}
	return Event{SpecVersion: "1.0", ID: m.ID, Source: sourceOf(s, cluster),
		Type: typePrefix + strings.ToLower(string(m.Is)), Subject: m.Commit,
		Time: m.Time.UTC().Format(time.RFC3339Nano), DataContentType: "application/json", Data: data}
}

// sourceOf names a Sync among those of all clusters, as a relative reference (RFC 3986).
func sourceOf(s *api.Sync, cluster string) string {
	source := "/namespaces/" + s.Namespace + "/syncs/" + s.Name
	if cluster != "" {
		source = "/clusters/" + url.PathEscape(cluster) + source
	}
	return source
}

// Body is the event as it is sent.
func (e Event) Body() ([]byte, error) { return json.Marshal(e) }
