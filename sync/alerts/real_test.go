package alerts

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// recorded is what a real Alertmanager (v0.31.1) has answered to what Source asks. With ALERTMANAGER, which names a
// binary of it, the test asks that one and records anew: newer versions cannot be built from their module alone, and to
// build this one takes two minutes of a processor, which is much for every test run.
const recorded = "testdata/alertmanager.json"

// said is one answer.
type said struct {
	Query string          `json:"query"`
	Body  json.RawMessage `json:"body"`
}

// Alerts that fire and count are told, and not those that a real Alertmanager has silenced or inhibited, or that were
// resolved, whichever matchers are asked by.
func TestWhatARealAlertmanagerAnswers(t *testing.T) {
	var answers []said
	server := ""
	if binary := os.Getenv("ALERTMANAGER"); binary != "" {
		server = startAlertmanager(t, binary)
	} else {
		text, err := os.ReadFile(recorded)
		check(t, err)
		check(t, json.Unmarshal(text, &answers))
		played := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
			i := slices.IndexFunc(answers, func(s said) bool { return s.Query == r.URL.RawQuery })
			if i < 0 {
				t.Errorf("nobody has asked a real one %s", r.URL.RawQuery)
				return
			}
			_, _ = out.Write(answers[i].Body)
		}))
		defer played.Close()
		server = played.URL
	}
	for _, c := range []struct {
		matchers []string
		fires    string
	}{
		{[]string{`severity="page"`}, "NodeDown Quoted"},
		{[]string{`severity=~"pa.*|warn"`, `alertname!="Quoted"`}, "NodeDown Slow"},
		{[]string{`path="C:\\x \"y\", {ä}"`}, "Quoted"},
		{[]string{`severity!~"page|warn"`}, "ZoneDown"},
		{[]string{`severity="page"`, `path=""`}, "NodeDown"},
		{[]string{`severity=~"pag"`}, ""},
		{[]string{`alertname=~"Silenced|Inhibited|Resolved"`}, ""},
	} {
		matchers, err := ParseMatchers(c.matchers)
		check(t, err)
		s := Source{URL: server, Matchers: matchers, Client: http.DefaultClient}
		firing, err := s.Firing(t.Context())
		if got := strings.Join(firing, " "); err != nil || got != c.fires {
			t.Errorf("%s: fires %q, %v, want %q", c.matchers, got, err, c.fires)
		}
		if os.Getenv("ALERTMANAGER") != "" {
			address, err := s.address()
			check(t, err)
			u, err := url.Parse(address)
			check(t, err)
			answers = append(answers, said{u.RawQuery, ask(t, http.MethodGet, address, "")})
		}
	}
	if os.Getenv("ALERTMANAGER") != "" {
		text, err := json.MarshalIndent(answers, "", " ")
		check(t, err)
		check(t, os.WriteFile(recorded, append(text, '\n'), 0o644))
	}
}

// startAlertmanager has one know of alerts, of which some are silenced, inhibited or resolved.
func startAlertmanager(t *testing.T, binary string) (address string) {
	t.Helper()
	dir := t.TempDir()
	config := filepath.Join(dir, "alertmanager.yml")
	check(t, os.WriteFile(config, []byte("route: {receiver: nobody}\nreceivers: [{name: nobody}]\ninhibit_rules:\n"+
		"- {source_matchers: ['alertname=\"ZoneDown\"'], target_matchers: ['severity=\"page\"'], equal: [zone]}\n"), 0o644))
	free, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	host := free.Addr().String()
	check(t, free.Close())
	c := exec.CommandContext(t.Context(), binary, "--config.file="+config, "--storage.path="+dir, "--web.listen-address="+host,
		"--cluster.listen-address=")
	c.Stdout, c.Stderr = t.Output(), t.Output()
	check(t, c.Start())
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	address = "http://" + host
	for {
		if r, err := http.Get(address + "/-/ready"); err == nil {
			_ = r.Body.Close()
			if r.StatusCode == http.StatusOK {
				break
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	ask(t, http.MethodPost, address+"/api/v2/silences", `{"matchers":[{"name":"alertname","value":"Silenced","isRegex":false,
		"isEqual":true}],"startsAt":"2020-01-01T00:00:00Z","endsAt":"2100-01-01T00:00:00Z","createdBy":"ann","comment":"known"}`)
	ask(t, http.MethodPost, address+"/api/v2/alerts", `[
		{"labels":{"alertname":"NodeDown","severity":"page","zone":"eu-1a"}},
		{"labels":{"alertname":"Quoted","severity":"page","zone":"eu-1a","path":"C:\\x \"y\", {ä}"}},
		{"labels":{"alertname":"Slow","severity":"warn","zone":"eu-1a"}},
		{"labels":{"alertname":"Silenced","severity":"page","zone":"eu-1a"}},
		{"labels":{"alertname":"ZoneDown","severity":"info","zone":"eu-1b"}},
		{"labels":{"alertname":"Inhibited","severity":"page","zone":"eu-1b"}},
		{"labels":{"alertname":"Resolved","severity":"page","zone":"eu-1a"},"startsAt":"2020-01-01T00:00:00Z",
			"endsAt":"2020-01-02T00:00:00Z"}]`)
	for !bytes.Contains(ask(t, http.MethodGet, address+"/api/v2/alerts?inhibited=false", ""), []byte("ZoneDown")) ||
		bytes.Contains(ask(t, http.MethodGet, address+"/api/v2/alerts?inhibited=false", ""), []byte(`"Inhibited"`)) {
		time.Sleep(50 * time.Millisecond)
	}
	return address
}

func ask(t *testing.T, method, address, body string) []byte {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	check(t, err)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	check(t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if check(t, err); response.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s %s", method, address, response.Status, text)
	}
	return text
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
