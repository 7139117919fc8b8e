package browsertest

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// Complaints are what the browser had to complain of so far, without what was excepted.
func (tab *Tab) Complaints() []string {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(tab.trouble), func(c string) bool {
		return slices.ContainsFunc(tab.excepted, func(e string) bool { return strings.Contains(c, e) })
	})
}

// Except says that complaints with one of these texts are part of the story.
func (tab *Tab) Except(texts ...string) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	tab.excepted = append(tab.excepted, texts...)
}

// told is of the events what tells of trouble.
type told struct {
	Type  string `json:"type"` // of a console message
	Entry struct {
		Source, Level, Text, URL string
	} `json:"entry"`
	Args []struct {
		Value       any    `json:"value"`
		Description string `json:"description"`
	} `json:"args"`
	ExceptionDetails json.RawMessage `json:"exceptionDetails"`
	Request          struct {
		URL string `json:"url"`
	} `json:"request"`
}

// hear keeps what there is to complain of.
func (tab *Tab) hear(e event) {
	var said told
	if json.Unmarshal(e.Params, &said) != nil {
		return
	}
	switch e.Method {
	case "Runtime.exceptionThrown":
		tab.complain("exception: " + string(said.ExceptionDetails))
	case "Log.entryAdded":
		if said.Entry.Level == "error" || said.Entry.Level == "warning" || said.Entry.Source == "security" {
			tab.complain(said.Entry.Source + ": " + said.Entry.Text + " " + said.Entry.URL)
		}
	case "Runtime.consoleAPICalled":
		if said.Type == "error" || said.Type == "warning" || said.Type == "assert" {
			args, _ := json.Marshal(said.Args)
			tab.complain("console: " + string(args))
		}
	case "Network.requestWillBeSent":
		if u, err := url.Parse(said.Request.URL); err == nil && u.Host != "" && u.Host != tab.home() {
			tab.complain("request to another host: " + said.Request.URL)
		}
	}
}

func (tab *Tab) home() string {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	return tab.host
}

func (tab *Tab) complain(text string) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	tab.trouble = append(tab.trouble, text)
}
