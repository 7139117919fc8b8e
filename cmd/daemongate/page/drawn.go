package page

import (
	gosync "sync"
	"time"

	"github.com/daemongate/daemongate/cmd/daemongate/page/html"
)

// mostDrawn is how many frames of one sight are kept.
const mostDrawn = 16

// drawn is the frames of what was seen of a Sync last: tabs that show the same share them, since drawing thousands of
// nodes takes longer than sending them.
type drawn struct {
	mu     gosync.Mutex
	number int // of the sight
	frames map[drawing]html.Frame
}

// drawing is what frames of one sight differ by. Who looks is none of it: what they may do is.
type drawing struct {
	around html.Page
	group  string
}

// frame draws a frame, unless it is there.
func (d *drawn) frame(s sight, around html.Page, data html.SyncData) (html.Frame, error) {
	key := drawing{around, data.Group}
	key.around.User, key.around.Now = "", time.Time{}
	around.User = ""
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.number != s.number || len(d.frames) >= mostDrawn || d.frames == nil {
		d.number, d.frames = s.number, map[drawing]html.Frame{}
	}
	if f, known := d.frames[key]; known {
		return f, nil
	}
	f, err := html.SyncFrame(around, data)
	if err == nil {
		d.frames[key] = f
	}
	return f, err
}
