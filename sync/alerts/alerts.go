// Package alerts asks an Alertmanager or a Prometheus which alerts fire. What that means for a rollout is decided by
// others.
package alerts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	timeout = 10 * time.Second // of one request
	// mostBytes bounds an answer: a megabyte is some thousand alerts.
	mostBytes = 16 << 20
	// mostName bounds the name of an alert, in bytes.
	mostName = 100
)

// Source is where alerts are asked about.
type Source struct {
	// URL is the base of its API, and Prometheus is set if it is a Prometheus, and no Alertmanager.
	URL        string
	Prometheus bool
	// Matchers are what an alert must satisfy, all of them, to count.
	Matchers []Matcher
	// Client sends the requests. It should follow no redirects.
	Client *http.Client
	// Authorize puts credentials on a request, if it is set.
	Authorize func(context.Context, *http.Request) error
}

// Firing returns the names of the alerts that fire and count, sorted, each once. Those that are silenced or inhibited
// do not fire to an Alertmanager; a Prometheus knows of neither. The error repeats nothing that the server said.
func (s Source) Firing(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	address, err := s.address()
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, errors.New("the URL of the alerts cannot be read")
	}
	request.Header.Set("Accept", "application/json")
	if s.Authorize != nil {
		if err := s.Authorize(ctx, request); err != nil {
			return nil, err
		}
	}
	response, err := s.Client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%s does not answer: %w", request.URL.Host, without(err))
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers with status %d", request.URL.Host, response.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, mostBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("the answer of %s breaks off", request.URL.Host)
	case len(body) > mostBytes:
		return nil, fmt.Errorf("the answer of %s is larger than %d MiB", request.URL.Host, mostBytes>>20)
	}
	firing, err := s.read(body)
	if err != nil {
		return nil, fmt.Errorf("the answer of %s is not that of its API: %w", request.URL.Host, err)
	}
	return firing, nil
}

// without is an error without the address that was asked.
func without(err error) error {
	if asked := (*url.Error)(nil); errors.As(err, &asked) {
		return asked.Err
	}
	return err
}

// address is what is asked for: https://prometheus.io/docs/alerting/latest/alerts_api/ (GET /api/v2/alerts) and
// https://prometheus.io/docs/prometheus/latest/querying/api/#alerts.
func (s Source) address() (string, error) {
	u, err := url.Parse(s.URL)
	if err != nil || u.Host == "" {
		return "", errors.New("the URL of the alerts cannot be read")
	}
	if s.Prometheus {
		return u.JoinPath("api/v1/alerts").String(), nil
	}
	u = u.JoinPath("api/v2/alerts")
	query := url.Values{"active": {"true"}, "silenced": {"false"}, "inhibited": {"false"}}
	for _, m := range s.Matchers {
		query.Add("filter", m.String())
	}
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// alert is one as both APIs have it.
type alert struct {
	Labels map[string]string `json:"labels"`
	State  string            `json:"state"` // of Prometheus: pending or firing
	Status struct {          // of Alertmanager: its state is active, suppressed or unprocessed
		State string `json:"state"`
	} `json:"status"`
}

// fires reports whether it fires. What has no labels, or a state that the API does not know, is no alert.
func (a alert) fires(prometheus bool) (is, known bool) {
	state := a.Status.State
	if prometheus {
		state = a.State
	}
	switch {
	case len(a.Labels) == 0:
		return false, false
	case prometheus:
		return state == "firing", state == "firing" || state == "pending"
	}
	return state != "suppressed", state == "active" || state == "unprocessed" || state == "suppressed"
}

func (s Source) read(body []byte) ([]string, error) {
	var all []alert
	if s.Prometheus {
		var answer struct {
			Status string `json:"status"`
			Data   *struct {
				Alerts []alert `json:"alerts"`
			} `json:"data"`
		}
		if json.Unmarshal(body, &answer) != nil || answer.Status != "success" || answer.Data == nil ||
			answer.Data.Alerts == nil {
			return nil, errors.New(`it has no status "success" with data.alerts`)
		}
		all = answer.Data.Alerts
	} else if json.Unmarshal(body, &all) != nil || all == nil {
		return nil, errors.New("it is no list of alerts")
	}
	var names []string
	for _, a := range all {
		counts := !slices.ContainsFunc(s.Matchers, func(m Matcher) bool { return !m.Matches(a.Labels) })
		fires, known := a.fires(s.Prometheus)
		if !known {
			return nil, errors.New("what it lists are no alerts with labels and a state")
		}
		if counts && fires {
			names = append(names, nameOf(a.Labels))
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// nameOf is what an alert is called, as it may be told.
func nameOf(labels map[string]string) string {
	name := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, labels["alertname"])
	if len(name) > mostName {
		name = strings.ToValidUTF8(name[:mostName], "") + "…"
	}
	if name == "" {
		return "one without a name"
	}
	return name
}
