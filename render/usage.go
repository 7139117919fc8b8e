package render

import "fmt"

// usage is what kustomize is given, and has to hold: each file as often as it is used. Counted once, a file under a
// thousand keys, or a folder that a thousand ways lead to, would count for next to nothing.
type usage struct {
	bytes   int64
	repeats int64 // by aliases
	objects int
}

// folderWeight is what a folder counts beside its kustomization file, in bytes, so that folders with next to nothing in
// them end, too.
const folderWeight = 1 << 10

// use counts a file that kustomize is given, or will be, within the limits.
func (r *reader) use(named string, c checked) error {
	u := &r.used
	u.bytes += int64(len(c.content))
	if c.lists != nil {
		u.bytes += folderWeight
	}
	u.repeats += c.repeats
	u.objects += len(c.objects)
	switch {
	case u.objects > r.limit.Objects:
		return r.refuse(fmt.Errorf("%s: with it the render is of more than %d objects, counted each time that a "+
			"folder or file is used: render fewer, or raise render.maxObjects", named, r.limit.Objects))
	case u.bytes > r.limit.TotalSize:
		return r.refuse(fmt.Errorf("%s: with it the render is of more than %d bytes, counted each time that a folder "+
			"or file is used: use large ones less often, or raise render.maxTotalSize", named, r.limit.TotalSize))
	case u.repeats > r.limit.TotalSize:
		return r.refuse(fmt.Errorf("%s: with it aliases repeat more than %d bytes, counted each time that a file is "+
			"used: use fewer aliases, or raise render.maxTotalSize", named, r.limit.TotalSize))
	}
	return nil
}
