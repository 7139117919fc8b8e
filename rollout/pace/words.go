package pace

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/daemongate/daemongate/rollout/words"
)

// nodeWords says which nodes of the stage have not settled.
func (c *course) nodeWords() string {
	if len(c.unsettled) == 0 && c.absent != "" {
		return c.absent
	}
	if len(c.unsettled) == 0 {
		return fmt.Sprintf("%s of the stage still to go", words.Plural(c.queue.waiting+len(c.queue.delete), "old pod"))
	}
	return fmt.Sprintf("%d of %s settled, waiting for %s", c.settled, words.Plural(c.nodes, "node"),
		words.FoldSome(c.unsettled))
}

func (c *course) soakWords() string {
	soak := c.stages[c.at-1].soak
	return fmt.Sprintf("settled, soaking for %s until %s", soak, c.soaks.UTC().Format(time.DateTime+" UTC"))
}

func (c *course) approvalWords() string {
	return "a person must let the rollout go on: daemongate promote"
}

// failureWords says what fails beyond what may.
func (c *course) failureWords() string {
	var said []string
	for _, o := range c.failing {
		said = append(said, fmt.Sprintf("%s/%s fails on %s of %d reached, %d may: %s", o.Target.Namespace,
			o.Target.Name, words.Plural(len(o.nodes), "node"), o.of, o.may, words.FoldSome(o.nodes)))
	}
	return strings.Join(said, "; ")
}

// budgetWords says what keeps the old pods of the stage from going.
func (c *course) budgetWords() string {
	var said []string
	for _, s := range c.sets {
		list, refused := c.candidates(s)
		name := s.Target.Namespace + "/" + s.Target.Name
		if nodes, limit := s.unavailable(c.places), s.limit(c.in.Plan); len(list) > 0 && len(nodes) >= limit {
			said = append(said, fmt.Sprintf("%s has no available pod on %s, %d may be without: %s", name,
				words.Plural(len(nodes), "node"), limit, words.FoldSome(nodes)))
		}
		if len(refused) > 0 {
			who := "the API server"
			if refused[0].Budget {
				who = "a PodDisruptionBudget"
			}
			said = append(said, fmt.Sprintf("%s does not allow the eviction of %s of %s: %s", who,
				words.Plural(len(refused), "pod"), name, words.Clip(refused[0].Said, 200)))
		}
	}
	return strings.Join(said, "; ")
}

// rightsWords say which rights are missing to evict old pods of the stage.
func rightsWords(c *course) string {
	var said []string
	for _, s := range c.sets {
		_, refused := c.candidates(s)
		for _, why := range refused {
			if text := words.Clip(why.Said, mostSaid); why.Forbidden && !slices.Contains(said, text) {
				said = append(said, text)
			}
		}
	}
	return strings.Join(said, "; ")
}

// unavailable are the nodes that use up the budget.
func (s *set) unavailable(places []place) []string {
	var nodes []string
	for i := range s.sites {
		if s.sites[i].isSpent() {
			nodes = append(nodes, places[i].name)
		}
	}
	return nodes
}

// strategyWords say that update strategies are given back, and why the first of them was not.
func strategyWords(c *course) string {
	text := "all stages are done, and the update strategy is given back that Git asks for"
	for _, s := range c.sets {
		if s.isLent() && s.Kept != "" {
			return fmt.Sprintf("%s; of DaemonSet %s/%s that was refused: %s", text, s.Target.Namespace, s.Target.Name,
				words.Clip(s.Kept, mostSaid))
		}
	}
	return text
}
