package cause

import (
	"testing"
)

// What hooks of every kind answer, as this and older kubelets put it.
func TestWhatAHookAnswers(t *testing.T) {
	for message, want := range map[string]string{
		`HTTP lifecycle hook (/warm) for Container "agent" in Pod "p_n(u)" failed - error: Get "http://10.0.0.1:8080/warm": dial tcp 10.0.0.1:8080: connect: connection refused`:         `Get "http://10.0.0.1:8080/warm": dial tcp 10.0.0.1:8080: connect: connection refused`,
		`Sleep lifecycle hook (5) for Container "agent" in Pod "p_n(u)" failed - error: container terminated before sleep hook finished`:                                                 "container terminated before sleep hook finished",
		`Exec lifecycle hook ([cat /x]) for Container "agent" in Pod "p_n(u)" failed - error: command 'cat /x' exited with 1: cat: /x: No such file, message: "cat: /x: No such file\n"`: "exited with 1: cat: /x: No such file",
		"PostStartHook failed": "",
		"":                     "",
		"some other words":     "some other words",
	} {
		if got := answerIn(message); got != want {
			t.Errorf("%q of %q", got, message)
		}
	}
}
