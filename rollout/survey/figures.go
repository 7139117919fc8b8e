package survey

import "time"

// Figures that are no options: they say how evidence is read, not how long somebody is willing to wait.
const (
	LostWithin     = 10 * time.Minute // of a pod's update: a node that dies then is this rollout's loss
	LeaseTolerance = 25 * time.Second // renewed every 10 s; NotReady comes 40 s after the last renewal
	AvailableSlack = 5 * time.Second  // for the controller to notice that a pod has become available
	RereadClocks   = time.Minute      // how old a clock's reading may be
)
