package browsertest

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// Complaints are what the browser had to complain of so far, without what was excepted.
func (w *window) Complaints() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(w.trouble), func(c string) bool {
		return slices.ContainsFunc(w.excepted, func(e string) bool { return strings.Contains(c, e) })
	})
}

// report fails the test for what the browser complains of, and has it forgotten.
func (tab *Tab) report() {
	for _, c := range tab.Complaints() {
		tab.t.Errorf("the browser complains: %s", c)
	}
	tab.mu.Lock()
	defer tab.mu.Unlock()
	tab.trouble = nil
}

// Except says that complaints with one of these texts are part of the story.
func (w *window) Except(texts ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.excepted = append(w.excepted, texts...)
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
func (w *window) hear(e event) {
	var said told
	if json.Unmarshal(e.Params, &said) != nil {
		return
	}
	switch e.Method {
	case "Runtime.exceptionThrown":
		w.complain("exception: " + string(said.ExceptionDetails))
	case "Log.entryAdded":
		if said.Entry.Level == "error" || said.Entry.Level == "warning" || said.Entry.Source == "security" {
			w.complain(said.Entry.Source + ": " + said.Entry.Text + " " + said.Entry.URL)
		}
	case "Runtime.consoleAPICalled":
		if said.Type == "error" || said.Type == "warning" || said.Type == "assert" {
			args, _ := json.Marshal(said.Args)
			w.complain("console: " + string(args))
		}
	case "Network.requestWillBeSent":
		if u, err := url.Parse(said.Request.URL); err == nil && u.Host != "" && u.Host != w.home() {
			w.complain("request to another host: " + said.Request.URL)
		}
	}
}

func (w *window) home() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.host
}

func (w *window) complain(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.trouble = append(w.trouble, text)
}
