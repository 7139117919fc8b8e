package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"k8s.io/client-go/kubernetes"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// asked is what the API server has been asked since it started.
type asked struct {
	requests float64 // that were answered and have ended; watches left out, since they are begun anew by the clock
	syncs    float64 // of these, about Syncs
	watches  float64 // that are open
	of       map[string]float64
}

// unasked are what the API server is asked about whoever else is there: by kubelets, by those who lead, by itself.
var unasked = map[string]bool{"leases": true, "nodes": true, "apiservices": true, "": true}

// askedOf reads the API server's own counters.
func askedOf(ctx context.Context, kube kubernetes.Interface) (asked, error) {
	text, err := kube.Discovery().RESTClient().Get().AbsPath("/metrics").DoRaw(ctx)
	if err != nil {
		return asked{}, fmt.Errorf("the API server's metrics: %w", err)
	}
	return countAsked(text)
}

const requestsMetric, watchesMetric = "apiserver_request_total", "apiserver_longrunning_requests"

// countAsked counts in the text of the API server's metrics.
func countAsked(text []byte) (a asked, err error) {
	a.of = map[string]float64{}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(linesOf(text, requestsMetric, watchesMetric)))
	if err != nil {
		return a, fmt.Errorf("the API server's metrics: %w", err)
	}
	for name, family := range families {
		for _, m := range family.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			switch {
			case unasked[labels["resource"]]:
			case name == requestsMetric && labels["verb"] != "WATCH":
				a.requests += m.GetCounter().GetValue()
				a.of[kindOf(labels)] += m.GetCounter().GetValue()
				if labels["resource"] == api.Resource.Resource {
					a.syncs += m.GetCounter().GetValue()
				}
			case name == watchesMetric && labels["verb"] == "WATCH":
				a.watches += m.GetGauge().GetValue()
			}
		}
	}
	return a, nil
}

// kindOf names a kind of requests.
func kindOf(labels map[string]string) string {
	kind := labels["verb"] + " " + labels["resource"]
	if sub := labels["subresource"]; sub != "" {
		kind += "/" + sub
	}
	if labels["dry_run"] != "" {
		kind += " (dry run)"
	}
	return kind
}

// most names the kinds of requests of which there were the most between two moments.
func most(before, after asked) string {
	more := map[string]float64{}
	for kind, n := range after.of {
		if n -= before.of[kind]; n > 0 {
			more[kind] = n
		}
	}
	kinds := slices.SortedFunc(maps.Keys(more), func(a, b string) int {
		return cmp.Or(cmp.Compare(more[b], more[a]), cmp.Compare(a, b))
	})
	var texts []string
	for _, kind := range kinds[:min(len(kinds), named)] {
		texts = append(texts, fmt.Sprintf("%s %.0f", kind, more[kind]))
	}
	return strings.Join(texts, ", ")
}

// named is how many kinds of requests are named.
const named = 6

// linesOf are the lines about some metrics: what they are, and their values.
func linesOf(text []byte, metrics ...string) (lines []byte) {
	for scanner := bufio.NewScanner(bytes.NewReader(text)); scanner.Scan(); {
		about := strings.TrimPrefix(strings.TrimPrefix(scanner.Text(), "# TYPE "), "# HELP ")
		for _, metric := range metrics {
			rest, is := strings.CutPrefix(about, metric)
			if is && (strings.HasPrefix(rest, "{") || strings.HasPrefix(rest, " ")) {
				lines = append(append(lines, scanner.Bytes()...), '\n')
			}
		}
	}
	return lines
}

// idle is how many requests a second the API server is asked while no controller of ours is there.
func (s *stage) idle(ctx context.Context, within time.Duration) (perSecond float64, err error) {
	before, err := askedOf(ctx, s.kube)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := sleep(ctx, within); err != nil {
		return 0, err
	}
	after, err := askedOf(ctx, s.kube)
	return (after.requests - before.requests) / time.Since(began).Seconds(), err
}
