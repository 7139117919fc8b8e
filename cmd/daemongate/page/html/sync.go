package html

import (
	"io"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/view"
)

// SyncData is what the page of a Sync is made of.
type SyncData struct {
	View view.View
	// Sync is what the view was made of.
	Sync *api.Sync
	// Series is what was seen of its nodes before; nil if nothing was.
	Series *Series
	// Release is the commit, in full, that a release would let pass, and Is what it is; empty if there is none.
	Release string
	Is      api.CommitState
	// Group is QueryGroup of the address, and Show is QueryShow.
	Group string
	Show  string
}

// model is what the page of a Sync shows.
type model struct {
	Page
	SyncData
	V      *view.View
	Self   string // the address of the Sync, and Here that of this page of it
	Here   string
	Stream string
	nodes  grid
}

func modelOf(p Page, d SyncData) *model {
	m := &model{Page: p, SyncData: d, V: &d.View, Self: p.SyncPath(d.View.Namespace, d.View.Name)}
	m.Here = with(m.Self, QueryGroup, d.Group, QueryShow, d.Show)
	m.nodes = gridOf(d.View.Nodes, d.Group)
	m.Stream = with(m.Self+"/live", QueryGroup, d.Group, QueryOrder, m.nodes.Order)
	return m
}

// parts are the elements of the page of a Sync that change.
func (m *model) parts() []part {
	return []part{{"lost", lostPart(m.Page)}, {"said", m.saidPart()}, {"verdict", m.verdictPart()},
		{"stages", m.stagesPart()}, {"acts", m.actsPart()}, {"causes", m.causesPart()},
		{"sentence", m.sentencePart()}, {"legend", m.legendPart()}, {"by", m.byPart()},
		{"trouble", m.troublePart()}, {"burnup", burnupPart(m.Burnup())}, {"lane", m.lanePart()},
		{"waits", m.waitsPart()}, {"daemonsets", m.daemonSetsPart()}, {"history", m.historyPart()},
		{"drift", driftPart(m.Drift())}, {"windows", windowsPart(m.Windows())}}
}

// Sync writes the page of a Sync.
func Sync(w io.Writer, p Page, d SyncData) error {
	m := modelOf(p, d)
	if d.Show == ShowNodes {
		m.Live = false
		return write(w, m.shell(), m.nodesPage())
	}
	return write(w, m.shell(), m.page())
}

// SyncFrame is the present state of the page of a Sync.
func SyncFrame(p Page, d SyncData) (Frame, error) {
	m := modelOf(p, d)
	f, err := frameOf(m.shell(), m.parts()...)
	if err != nil {
		return Frame{}, err
	}
	f.Order, f.Letters, f.Grid = m.nodes.Order, m.nodes.letters(), m.nodes.html()
	return f, nil
}

func (m *model) shell() shell {
	s := shell{Page: m.Page, Title: m.V.Namespace + "/" + m.V.Name, Here: m.Here}
	if m.V.State != "" {
		s.Mark = m.Sign().Shape
	}
	return s
}

// Sign is the sign of the state of the Sync.
func (m *model) Sign() view.Sign { return view.CommitSign(m.V.State) }

// Verdict is the sentence, where the state stands beside it; without a commit, why there is none.
func (m *model) Verdict() string {
	if text := withoutState(m.V.Verdict, m.V.State); text != "" || m.V.State != "" {
		return text
	}
	return view.Source(m.Sync)
}

// Flight is the commit that the page is about, in full; empty if there is none.
func (m *model) Flight() string { return flightOf(m.V) }

// Since is how long the Sync has been in its state.
func (m *model) Since() string { return m.For(since(&m.Sync.Status)) }
