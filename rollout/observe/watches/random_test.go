package watches

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/labels"
)

// Whatever comes and goes, breaks, lags and is refused: a follower that is ready has what there was at some time, never
// goes back to what was before, is not unready because the watch changes that tells it, and is told of nothing but
// changes. In the end everybody has what there is, as from a watch of its own.
func TestFollowersSeeWhatAWatchOfTheirOwnWouldShow(t *testing.T) {
	t.Parallel()
	for seed := range uint64(100) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 92)) //nolint:gosec // a story that can be told again
			s := &story{world: newPlayed(t), r: r}
			for range 150 {
				s.happens()
				s.checks()
			}
			s.refuses = false
			s.settles()
			for _, k := range s.keepers {
				if !k.isUpToDate() {
					t.Errorf("%+v has %s, ready: %t, %v", k.what, k.shows(), k.ready, k.err)
				}
			}
			if most := max(len(s.keepers), 1); len(s.open) > most {
				t.Errorf("%d watches for %d", len(s.open), most)
			}
			for _, k := range s.keepers {
				k.leave()
			}
			s.settles()
			if len(s.open) > 0 {
				t.Errorf("%d watches for nobody", len(s.open))
			}
		})
	}
}

// story is one of what happens at random.
type story struct {
	*world
	r       *rand.Rand
	keepers []*keeper
}

var wanted = []Selection{
	{Labels: "app=1"}, {Labels: "app=2"}, {Labels: "app=2,tier=a"}, {Labels: "app in (1,3),tier"}, {Labels: "!app"},
	{Labels: "app=3,tier!=a"}, {Labels: "app=1,tier=b"}, {Name: "pod-1"}, {Name: "pod-2"},
}

func (s *story) happens() {
	switch n := s.r.IntN(100); {
	case n < 30:
		s.write(fmt.Sprint("pod-", s.r.IntN(8)), s.someLabels())
	case n < 40 && len(s.keepers) < 9:
		s.keepers = append(s.keepers, s.join(anyOf(s.r, wanted)))
	case n < 46 && len(s.keepers) > 0:
		i := s.r.IntN(len(s.keepers))
		s.keepers[i].leave()
		s.keepers = slices.Delete(s.keepers, i, i+1)
	case n < 55:
		s.runs()
	case len(s.open) == 0:
	case n < 90:
		anyOf(s.r, s.open).moves(s.r)
	case n < 95:
		anyOf(s.r, s.open).bookmark()
	case n < 98:
		anyOf(s.r, s.open).breaks()
	default:
		s.refuses = !s.refuses
	}
}

func (s *story) someLabels() labels.Set {
	if s.r.IntN(4) == 0 {
		return nil
	}
	set := labels.Set{}
	if s.r.IntN(4) > 0 {
		set["app"] = fmt.Sprint(1 + s.r.IntN(3))
	}
	if s.r.IntN(2) == 0 {
		set["tier"] = anyOf(s.r, []string{"a", "b"})
	}
	return set
}

// moves tells one thing. A first list may show what was a while ago, as one that an API server answers from its cache.
func (p *played) moves(r *rand.Rand) {
	if p.at == 0 && r.IntN(2) == 0 {
		p.list(max(p.least, p.world.now()-r.IntN(5), 1))
		return
	}
	p.step()
}

func (s *story) checks() {
	for _, k := range s.keepers {
		k.check()
	}
	if shared := s.pool.shared; shared != nil && shared.others != shared.countOthers() {
		s.Errorf("%d others, but counted %d", shared.countOthers(), shared.others)
	}
}
