package answer

import (
	"github.com/daemongate/daemongate/rollout/words"
)

// Paced is how a commit would go through the stages of its Sync.
type Paced struct {
	Stages []Stage `json:"stages"`
	// AtOnce names what else the commit changes: it is applied before the first stage.
	AtOnce []string `json:"atOnce,omitempty"`
}

// Stage is one of the stages, with the nodes that fall into it.
type Stage struct {
	Name  string   `json:"name"`
	Count int      `json:"count"`
	Nodes []string `json:"nodes,omitempty"`
	// Soak is how long it must have settled, empty if for no time, and Approve says that a person lets the next one
	// begin.
	Soak    string `json:"soak,omitempty"`
	Approve bool   `json:"approve,omitempty"`
	// Overlap is set if the next one begins while its last nodes settle.
	Overlap bool `json:"overlap,omitempty"`
}

// mostAtOnce is how many objects are named that no stage holds back.
const mostAtOnce = 20

// sections say which stages there are and what is not paced. Nodes are named only with names.
func (p *Paced) sections(names bool) []section {
	if p == nil {
		return nil
	}
	stages := section{title: "Stages"}
	for i, s := range p.Stages {
		text := s.Name + ": " + words.Plural(s.Count, "node")
		if s.Count == 0 && (s.Soak != "" || s.Approve) {
			stages.lines = append(stages.lines, text+", and so no soak and no approval: it is passed at once")
			continue
		}
		if s.Soak != "" {
			text += ", soaks for " + s.Soak
		}
		if s.Approve && i < len(p.Stages)-1 {
			text += ", then a person must let it go on"
		}
		if s.Overlap {
			text += ", the next one begins when its last old pod has gone"
		}
		if names && s.Count > 0 {
			text += ": " + words.FoldSome(s.Nodes)
		}
		stages.lines = append(stages.lines, text)
	}
	list := []section{stages}
	if len(p.AtOnce) == 0 {
		return list
	}
	rest := section{title: "Not paced, but applied at once, before the first stage",
		lines: p.AtOnce[:min(len(p.AtOnce), mostAtOnce)]}
	if more := len(p.AtOnce) - mostAtOnce; more > 0 {
		rest.lines = append(rest.lines[:mostAtOnce:mostAtOnce], "and "+words.Plural(more, "more object"))
	}
	return append(list, rest)
}
