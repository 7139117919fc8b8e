package devpackages

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/notify"
	"github.com/daemongate/daemongate/sync/notify/webhook"
)

// What a receiver is sent is a CloudEvent to the official library, which takes it from the request and finds nothing wrong
// with it.
func TestNotificationsAreCloudEvents(t *testing.T) {
	var got *cloudevents.Event
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		e, err := cehttp.NewEventFromHTTPRequest(r)
		if err == nil {
			err = e.Validate()
		}
		if err != nil {
			t.Error(err)
		}
		got = e
	}))
	defer server.Close()
	s := &api.Sync{}
	s.Namespace, s.Name = "platform", "agents"
	sent := notify.EventOf(s, "prod eu/1", notify.Message{ID: "17", Is: api.NoticeRelapsed, Commit: "c0ffee", State: api.Complete,
		Relapsed: true, Cause: "CrashLoop", Text: "relapsed: \"CrashLoop\" on 3 nodes", Stage: 1, Stages: 2,
		Time: time.Date(2026, 11, 24, 12, 0, 0, 123456000, time.UTC)})
	to := webhook.New(func(context.Context) (webhook.To, error) {
		return webhook.To{URL: server.URL, Token: "t", Key: []byte("k")}, nil
	}, http.DefaultTransport)
	if a := to.Take(t.Context(), sent); a != (notify.Answer{}) || got == nil {
		t.Fatalf("answer %v, got %v", a, got)
	}
	var data notify.Data
	if err := json.Unmarshal(got.Data(), &data); err != nil || *data.Stage != *sent.Data.Stage {
		t.Errorf("data %s, %v", got.Data(), err)
	}
	data.Stage, sent.Data.Stage = nil, nil
	if data != sent.Data || got.ID() != "17" || got.Type() != "io.daemongate.sync.relapsed" || got.Subject() != "c0ffee" ||
		got.Source() != "/clusters/prod%20eu%2F1/namespaces/platform/syncs/agents" || !got.Time().Equal(time.Date(2026, 11, 24, 12,
		0, 0, 123456000, time.UTC)) || got.SpecVersion() != "1.0" || got.DataContentType() != "application/json" {
		t.Errorf("got %v", got)
	}
}
