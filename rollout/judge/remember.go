package judge

import "github.com/daemongate/daemongate/rollout"

// maxRemembered bounds each list of Memory, so that it stays a few KB whatever the size of the fleet.
const maxRemembered = 100

// nextMemory is the memory that a look begins with: what holds until it is known better. The lists are made anew, of what is
// still so.
func nextMemory(m rollout.Memory) rollout.Memory {
	m.Since, m.Lost, m.Boots, m.Rejected, m.Ended, m.Clocks = nil, nil, nil, nil, nil, nil
	m.Killed, m.Answers = nil, nil
	return m
}

// remember puts something into one of the lists, unless it is full. What was remembered before has its place already.
func remember[T any](list *map[string]T, before map[string]T, key string, value T) {
	if _, had := before[key]; !had && len(*list)+len(before) >= maxRemembered {
		return
	}
	if *list == nil {
		*list = map[string]T{}
	}
	(*list)[key] = value
}
