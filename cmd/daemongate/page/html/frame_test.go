package html

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/sync/view"
)

func frame(t testing.TB, p Page, d SyncData) *Frame {
	t.Helper()
	f, err := SyncFrame(p, d)
	if err != nil {
		t.Fatal(err)
	}
	return &f
}

// shown are the letters of the cells of a page, the order of its grid, and the groups' counts.
func shown(t testing.TB, page string) (letters, order string, counts []string) {
	grid := parsed(t, page).id(t, "grid")
	for _, cell := range grid.tags("i") {
		letters += cell.attr("class")
	}
	for _, group := range grid.tags("b") {
		counts = append(counts, group.text())
	}
	return letters, grid.attr("data-order"), counts
}

// What a frame says of the nodes is what the whole page would say: a letter for each in the order of the page.
func TestLettersAreThoseOfAFullRender(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	states := view.States()
	for round := range 50 {
		d := dataOf(fleetSync(), judged(1+random.IntN(60), func(int) rollout.NodeState {
			return states[random.IntN(len(states)-1)]
		}))
		d.Group = []string{"", "pool", "none", "karpenter.sh/nodepool"}[random.IntN(4)]
		f := frame(t, page(), d)
		letters, order, _ := shown(t, syncPage(t, page(), d))
		if f.Letters != letters || f.Order != order || len(letters) != len(d.View.Nodes) {
			t.Fatalf("round %d: frame %s %s, page %s %s", round, f.Order, f.Letters, order, letters)
		}
		again, orderAgain, _ := shown(t, f.Grid)
		if again != letters || orderAgain != order {
			t.Fatalf("round %d: the frame's grid has %s %s", round, orderAgain, again)
		}
	}
}

// Each class has a letter of its own, which the legend explains by its shape and its words.
func TestTheLegendExplainsEveryLetter(t *testing.T) {
	seen := map[string]bool{}
	for _, key := range parsed(t, syncPage(t, page(), stuck(12))).id(t, "legend").tags("li") {
		letter := key.attr("data-letter")
		if seen[letter] || len(letter) != 1 || letter == unknown || key.attr("data-words") == "" {
			t.Errorf("%q: %s", letter, key.text())
		}
		seen[letter] = true
	}
	for _, state := range view.States() {
		if state != rollout.IsNotEligible && !seen[letterOf(state)] {
			t.Errorf("%s is not explained", state)
		}
	}
}

// The style of each class has the shape that the terminal has.
func TestCellsHaveTheShapesOfTheTerminal(t *testing.T) {
	css, err := staticFiles.ReadFile("static/page.css")
	if err != nil {
		t.Fatal(err)
	}
	for state, letter := range letters {
		if want := fmt.Sprintf(`i.%s::before { content: "%s"`, letter, view.NodeSign(state).Shape); !strings.Contains(string(css), want) {
			t.Errorf("no %s", want)
		}
	}
}

// texts are the messages in short: the event, the id, and how long the data are.
func texts(messages []Message) string {
	var list []string
	for _, m := range messages {
		list = append(list, fmt.Sprintf("%s:%s", m.Event, m.ID))
	}
	return strings.Join(list, " ")
}

// A page that has just been opened has the grid; it gets everything else at first, then only what has changed.
func TestAFrameHasOnlyWhatHasChanged(t *testing.T) {
	d := rollingOut(40)
	first := frame(t, page(), d)
	messages := first.Since(nil, first.Order)
	if got := texts(messages); got != "letters:"+first.Order+" :"+first.Order {
		t.Errorf("at first: %s", got)
	}
	for _, part := range modelOf(page(), d).parts() {
		if !strings.Contains(messages[1].Data, `hx-target="#`+part.id+`"`) {
			t.Errorf("at first: no %s", part.id)
		}
	}
	if got := texts(frame(t, page(), d).Since(first, "")); got != "" {
		t.Errorf("when nothing has changed: %s", got)
	}
	d.View.Notes = []string{"something new"}
	noted := frame(t, page(), d)
	if messages = noted.Since(first, ""); len(messages) != 1 || strings.Count(messages[0].Data, "<hx-partial") != 1 ||
		!strings.Contains(messages[0].Data, "something new") {
		t.Errorf("a note: %v", messages)
	}
	d.View.Nodes[39].State = rollout.IsUpdated
	messages = frame(t, page(), d).Since(noted, "")
	if got := texts(messages); got != "letters:"+first.Order+" :"+first.Order || messages[0].Data != first.Order+" "+
		frame(t, page(), d).Letters {
		t.Errorf("a node: %s", got)
	}
	if strings.Contains(messages[1].Data, `"#lane"`) {
		t.Errorf("a node changes the lane: %s", messages[1].Data)
	}
}

// When nodes come or go the grid is sent anew, before the letters of its order; also to a page that has been away, and
// when all nodes are gone.
func TestAnotherOrderComesWithItsGrid(t *testing.T) {
	before, after, none := frame(t, page(), rollingOut(40)), frame(t, page(), rollingOut(41)), frame(t, page(), dataOf(fleetSync()))
	if before.Order == after.Order {
		t.Fatal("two sets of nodes have one order")
	}
	for name, messages := range map[string][]Message{"a node more": after.Since(before, ""),
		"after a break": after.Since(nil, before.Order), "on a page without nodes": after.Since(nil, "")} {
		if got := texts(messages); !strings.HasPrefix(got, "order:"+after.Order+" letters:"+after.Order+" ") {
			t.Errorf("%s: %s", name, got)
			continue
		}
		if _, order, _ := shown(t, messages[0].Data); order != after.Order {
			t.Errorf("%s: the grid is of %s", name, order)
		}
	}
	messages := none.Since(before, "")
	if got := texts(messages); !strings.HasPrefix(got, "order: :") {
		t.Errorf("all are gone: %s", got)
	}
	if got, _, _ := shown(t, messages[0].Data); got != "" {
		t.Errorf("cells are left: %s", got)
	}
	if got := texts(none.Since(nil, "")); got != ":" {
		t.Errorf("there never were any: %s", got)
	}
}

// Of 5,000 nodes a frame is 5,000 letters and few words: what was settled a second ago is not sent again as a page.
func TestAFrameOf5000NodesIsSmall(t *testing.T) {
	p, size := page(), 0
	state := func(settled int) SyncData {
		return dataOf(fleetSync(), judged(5000, func(i int) rollout.NodeState {
			if i < settled {
				return rollout.IsSettled
			}
			return rollout.IsOld
		}))
	}
	first := frame(t, p, state(1000))
	p.Now = p.Now.Add(time.Second)
	for _, m := range frame(t, p, state(1050)).Since(first, "") {
		size += len(m.Data)
	}
	if len(first.Letters) != 5000 || size > 5000+16_000 {
		t.Errorf("%d letters, a step of 50 nodes is %d bytes", len(first.Letters), size)
	}
	if size := len(syncPage(t, p, state(1000))); size > 250_000 {
		t.Errorf("the page is %d bytes", size)
	}
}

// threeRows are the rows of three Syncs.
func threeRows() []Row {
	var list []Row
	for i := range 3 {
		s := fleetSync()
		s.Name = fmt.Sprintf("agents-%d", i)
		list = append(list, RowOf(s, page().Now))
	}
	return list
}

func listFrame(t *testing.T, rows []Row, f Filter) *Frame {
	t.Helper()
	made, err := SyncsFrame(page(), rows, f)
	if err != nil {
		t.Fatal(err)
	}
	return &made
}

// data are what is sent, and how many rows are in it.
func data(messages []Message) (text string, rows int) {
	for _, m := range messages {
		text += m.Data
	}
	return text, strings.Count(text, `id="row-`)
}

// A row of all Syncs that changes is sent alone; when they come in another order, all are, once.
func TestARowIsSentAlone(t *testing.T) {
	first := listFrame(t, threeRows(), Filter{})
	if text, rows := data(first.Since(nil, "")); rows != 3 {
		t.Errorf("at first: %s", text)
	}
	if n := len(listFrame(t, threeRows(), Filter{}).Since(first, "")); n != 0 {
		t.Errorf("nothing has changed: %d messages", n)
	}
	list := threeRows()
	list[1].Verdict = "now this"
	if text, rows := data(listFrame(t, list, Filter{}).Since(first, "")); rows != 1 || !strings.Contains(text, "now this") {
		t.Errorf("a row: %s", text)
	}
	list[2].rank = 0
	text, rows := data(listFrame(t, list, Filter{}).Since(first, ""))
	if rows != 3 || strings.Index(text, "agents-2") > strings.Index(text, "agents-0") {
		t.Errorf("another order: %s", text)
	}
}

// When the filter shows none, and when others come that it does not show, the page says so.
func TestWhatTheFilterHidesIsCounted(t *testing.T) {
	first, hidden := listFrame(t, threeRows(), Filter{}), Filter{Text: "nothing like this"}
	none := listFrame(t, threeRows(), hidden)
	if text, _ := data(none.Since(first, "")); !strings.Contains(text, "No Sync is like that") {
		t.Errorf("none is left: %s", text)
	}
	if n := len(listFrame(t, threeRows(), hidden).Since(none, "")); n != 0 {
		t.Errorf("none is left, still: %d messages", n)
	}
	more := append(threeRows(), threeRows()[0])
	more[3].Namespace, more[3].rank = "other", 6
	here := Filter{Namespace: "logging"}
	text, _ := data(listFrame(t, more, here).Since(listFrame(t, threeRows(), here), ""))
	if !strings.Contains(text, "3 of 4 Syncs") {
		t.Errorf("another one that is not to be seen: %s", text)
	}
}
