//go:build !linux

package child

// confine does nothing here: the watch alone holds a process to its limit.
func confine(int64) {}

func firstToGo() {}

func keepFiles() {}

func makeThreads() {}
