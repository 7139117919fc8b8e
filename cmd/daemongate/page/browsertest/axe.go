package browsertest

import (
	"bytes"
	"compress/gzip"
	_ "embed" // axe-core
	"fmt"
	"io"
	"strings"
)

// axePacked is axe.min.js of axe-core 4.14.1, unchanged, by gzip. Its licence is beside it. Only tests have it.
//
//go:embed axe/axe.min.js.gz
var axePacked []byte

// axeScript unpacks axe-core.
func axeScript() (string, error) {
	r, err := gzip.NewReader(bytes.NewReader(axePacked))
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(r)
	return string(text), err
}

// violation is a rule of axe-core that a page breaks.
type violation struct {
	ID, Help string
	Nodes    []struct {
		HTML           string
		FailureSummary string
	}
}

// Accessible checks the page by all rules of axe-core, also those that are advice only, and returns what breaks one.
func (tab *Tab) Accessible() []string {
	tab.t.Helper()
	script, err := axeScript()
	if err != nil {
		tab.t.Fatal(err)
	}
	var there bool
	if tab.Eval(`typeof axe === "object"`, &there); !there {
		tab.Eval(script+"; 0", nil)
	}
	var broken []violation
	tab.Eval(`axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations)`, &broken)
	var said []string
	for _, v := range broken {
		for _, n := range v.Nodes[:min(len(v.Nodes), 5)] {
			said = append(said, fmt.Sprintf("%s: %s: %s: %s", v.ID, v.Help, cut(n.HTML),
				strings.Join(strings.Fields(n.FailureSummary), " ")))
		}
	}
	return said
}
