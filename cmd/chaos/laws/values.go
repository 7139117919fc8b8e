package laws

// at is the value at a path of an object of JSON; nil if there is none.
func at(object map[string]any, path ...string) any {
	var v any = object
	for _, name := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[name]
	}
	return v
}

func text(object map[string]any, path ...string) string {
	s, _ := at(object, path...).(string)
	return s
}

func number(object map[string]any, path ...string) int64 {
	n, _ := at(object, path...).(float64)
	return int64(n)
}

func list(object map[string]any, path ...string) []map[string]any {
	values, _ := at(object, path...).([]any)
	var maps []map[string]any
	for _, v := range values {
		if m, ok := v.(map[string]any); ok {
			maps = append(maps, m)
		}
	}
	return maps
}

// asks reports whether a live value has all that is wanted of it. The API server adds defaults.
func asks(wanted, live any) bool {
	switch wanted := wanted.(type) {
	case map[string]any:
		l, ok := live.(map[string]any)
		if !ok {
			return false
		}
		for name, v := range wanted {
			if !asks(v, l[name]) {
				return false
			}
		}
		return true
	case []any:
		l, ok := live.([]any)
		if !ok || len(l) != len(wanted) {
			return false
		}
		for i, v := range wanted {
			if !asks(v, l[i]) {
				return false
			}
		}
		return true
	}
	return wanted == live
}
