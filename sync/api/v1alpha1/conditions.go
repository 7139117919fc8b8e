package v1alpha1

// The conditions of a Sync follow the conventions of kstatus: Ready, and Reconciling or Stalled while it is not.
const (
	ConditionReady       = "Ready"
	ConditionReconciling = "Reconciling"
	ConditionStalled     = "Stalled"
	// ConditionSource says whether the repository could be polled.
	ConditionSource = "SourceReady"
	// ConditionWindows says whether spec.windows can be read.
	ConditionWindows = "WindowsReady"
	// ConditionSpec is there once fields of the spec could not be read, and says which.
	ConditionSpec = "SpecReady"
	// ConditionSuspended says whether spec.suspend or the stop switch of all Syncs stops the Sync, and since when.
	ConditionSuspended = "Suspended"
	// ConditionDrifted says whether others changed something, and ConditionHealthy whether what a complete commit wrote
	// is well.
	ConditionDrifted = "Drifted"
	ConditionHealthy = "Healthy"
)

// The reasons of Suspended while the stop switch suspends the Sync, as all others: somebody has turned it on; or nobody
// knows.
const (
	ReasonStoppedForAll = "StoppedForAll"
	ReasonStopUnread    = "StopSwitchUnread"
)

// The reasons of SourceReady: the repository was polled; it may be at another time; somebody has to put it right.
const (
	ReasonPolled        = "Polled"
	ReasonPollFailed    = "PollFailed"
	ReasonSourceInvalid = "SourceInvalid"
)
