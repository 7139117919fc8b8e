package pacing

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/english"
)

// Name names a stage, with its number among all.
func Name(st *api.FlightStage) string {
	if st.Index == 0 {
		return place(st)
	}
	return place(st) + " (" + st.Name + ")"
}

// place is which of the stages it is.
func place(st *api.FlightStage) string {
	if st.Index == 0 {
		return "the nodes with the broken commit first"
	}
	return fmt.Sprintf("stage %d of %d", st.Index, st.Of)
}

// Said says in a sentence which stage a rollout is in, since when, how far that is and what it waits for.
func Said(st *api.FlightStage, now time.Time) string {
	text := Name(st)
	if !st.Since.IsZero() {
		text += ", for " + duration.HumanDuration(max(now.Sub(st.Since.Time), time.Second))
	}
	return text + ": " + Standing(st)
}

// Standing says how far a stage is and what it waits for.
func Standing(st *api.FlightStage) string {
	text := fmt.Sprintf("%d of %s settled", st.Settled, english.Count(int(st.Nodes), "node"))
	if waits := Waiting(st); strings.HasPrefix(waits, text) {
		text = waits
	} else {
		text = english.Join(text, "; ", strings.TrimPrefix(waits, "settled, "))
	}
	if st.Behind != "" {
		text += "; nodes of stage " + st.Behind + " settle still"
	}
	if st.Early > 0 {
		text += fmt.Sprintf("; %s of later stages already on the commit, out of turn",
			english.Count(int(st.Early), "node"))
	}
	return text
}

// Waiting says what a stage waits for, and until when if that is known; empty if for nothing.
func Waiting(st *api.FlightStage) string {
	text := st.Message
	if text == "" {
		text = waits[st.WaitsFor]
	}
	if st.Until != nil && text != "" && !strings.Contains(text, "until") && !strings.Contains(text, "the next opens") {
		text += ", until " + Clock(st.Until.Time)
	}
	return text
}

// Clock is a time as people are told it.
func Clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }
