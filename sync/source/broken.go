package source

import (
	"context"
	"time"

	"github.com/daemongate/daemongate/gitsource"
)

// Broken is the repository of a Sync whose spec names none that could be read: whatever is asked of it is answered with
// why. So the Sync has a loop all the same, which judges what runs and says what is wrong.
func Broken(why error) Repository { return broken{why} }

type broken struct{ why error }

func (b broken) HeadWithin(context.Context, gitsource.Ref, time.Duration) (string, error) {
	return "", b.why
}
func (b broken) Beside(string) (map[string]string, time.Time) { return nil, time.Time{} }

func (b broken) Fetch(context.Context, string) (bool, error) { return false, b.why }

func (b broken) Met(context.Context, string, []string) ([]string, error) {
	return nil, b.why
}

func (b broken) Between(context.Context, string, string) (gitsource.History, error) {
	return gitsource.History{}, b.why
}

func (b broken) Verify(string, *gitsource.Signers) (string, error) { return "", b.why }

func (b broken) VerifyTag(gitsource.Ref, string, *gitsource.Signers) (string, error) {
	return "", b.why
}
func (b broken) Keep(string, string) error                             { return b.why }
func (b broken) Tree(context.Context, string) (*gitsource.Tree, error) { return nil, b.why }

func (b broken) NameOf(gitsource.Ref, string) string { return "" }
