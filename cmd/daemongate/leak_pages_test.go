package main

import (
	"bufio"
	"context"
	"html"
	"net/http"
	"net/http/cookiejar"
	"regexp"
	"strings"
	"time"
)

// leadsTo finds where a page leads, and which stream it follows.
var leadsTo = regexp.MustCompile(`(href|hx-sse:connect)="(/[^"#]*)"`)

// openEveryPage goes from the page of all Syncs wherever links lead, and reads each page and what its stream sends first.
func (s *leaks) openEveryPage() {
	t := s.t
	address, process := dashboard(t, "-A", "--kubeconfig", s.cluster.Kubeconfig)
	defer func() { _ = process.Process.Kill() }()
	jar, err := cookiejar.New(nil)
	check(t, err)
	browser := &http.Client{Jar: jar}
	asks(t, browser, http.MethodGet, address, "")
	base := address[:strings.Index(address, "/?")]
	known := map[string]bool{"/": true}
	for todo := []string{"/"}; len(todo) > 0; todo = todo[1:] {
		_, text := asks(t, browser, http.MethodGet, base+todo[0], "")
		for end := time.Now().Add(5 * time.Minute); strings.Contains(text, "look again in a") && time.Now().Before(end); {
			_, text = asks(t, browser, http.MethodGet, base+todo[0], "")
		}
		s.v.grep(t, "page "+todo[0], text)
		for _, link := range leadsTo.FindAllStringSubmatch(text, -1) {
			to := html.UnescapeString(link[2])
			if known[to] || strings.HasPrefix(to, "/assets/") {
				continue
			}
			known[to] = true
			if link[1] == "href" {
				todo = append(todo, to)
			} else {
				s.v.grep(t, "the stream "+to, s.firstFrame(browser, base+to))
			}
		}
	}
	for _, l := range s.fleet {
		if !known["/syncs/leaks/"+l.name] {
			t.Errorf("no page of %s was found among %d", l.name, len(known))
		}
	}
	for _, kind := range []string{"/commits/", "/nodes/", "/live"} {
		found := false
		for path := range known {
			found = found || strings.Contains(path, kind)
		}
		if !found {
			t.Errorf("no page %s was found among %d", kind, len(known))
		}
	}
}

// firstFrame is what a stream sends first: the whole state of its page.
func (s *leaks) firstFrame(browser *http.Client, address string) string {
	ctx, cancel := context.WithTimeout(s.t.Context(), 5*time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	check(s.t, err)
	answer, err := browser.Do(r)
	check(s.t, err)
	defer func() { _ = answer.Body.Close() }()
	var said strings.Builder
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		said.WriteString(lines.Text() + "\n")
		if lines.Text() == "" && strings.Contains(said.String(), "hx-partial") {
			return said.String()
		}
	}
	s.t.Errorf("%s ended before it had sent the page: %v", address, lines.Err())
	return said.String()
}
