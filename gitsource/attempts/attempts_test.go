package attempts

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// What killed the process three times is left alone for an hour, then tried again, once an hour; what it survived
// counts no more.
func TestWhatKillsIsLeftAlone(t *testing.T) {
	file, now := filepath.Join(t.TempDir(), "poll"), time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	begin := func(after time.Duration) error {
		t.Helper()
		_, err := Begin(file, now.Add(after)) // and dies
		return err
	}
	for range Most {
		if err := begin(0); err != nil {
			t.Fatal(err)
		}
	}
	var deadly *Deadly
	if err := begin(Pause - time.Second); !errors.As(err, &deadly) || deadly.Deaths != Most || !deadly.Until.Equal(now.Add(Pause)) {
		t.Error(err)
	}
	if err := begin(Pause); err != nil {
		t.Error("after the pause:", err)
	}
	if err := begin(Pause + time.Minute); !errors.As(err, &deadly) || deadly.Deaths != Most+1 {
		t.Error("after one more death:", err)
	}
	end, err := Begin(file, now.Add(2*Pause))
	if err != nil {
		t.Fatal(err)
	}
	end()
	for range Most {
		if err := begin(3 * Pause); err != nil {
			t.Error("after it went well:", err)
		}
	}
}

// A note that a death cut off is none.
func TestACutNote(t *testing.T) {
	file := filepath.Join(t.TempDir(), "poll")
	for _, text := range []string{"", "7", "x y", "9 x"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		end, err := Begin(file, time.Now())
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		end()
	}
}
