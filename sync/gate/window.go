package gate

// overrides reports whether it is by a person's word alone that a commit may start now: no window is open, and the word
// is not spent.
func (t *turn) overrides() bool {
	v := t.o.Override
	if v == nil || t.o.Window.Closed == "" {
		return false
	}
	spent := t.s.Overridden
	return spent == nil || spent.Commit != v.Commit || !spent.At.Equal(&v.At)
}

// overridden is candidate while the windows are overridden: the commit that the person named and no other, and those
// that it would carry.
func (t *turn) overridden() (string, []Commit) {
	named := t.o.Override.Commit
	may := t.mayStart()
	for i, c := range may {
		if c.Hash == named && t.mayTry(named) && !t.goesBehind(named) {
			return named, may[:i]
		}
	}
	if len(t.waiting) == 0 && named == t.respecified() {
		return named, nil
	}
	return "", nil
}

// spend makes an override void: its commit has started, or needs not to. So none is left over for another time.
func (t *turn) spend(commit string) {
	if v := t.o.Override; v != nil && v.Commit == commit {
		t.s.Overridden = v.DeepCopy()
	}
}
