// Package caught keeps a panic from ending the process: it becomes an error of whoever it was that panicked.
package caught

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// Panic is one that was caught.
type Panic struct {
	// Doing is what was being done.
	Doing string
	// Stack is where it happened: functions and lines, and no values.
	Stack string
	what  string
}

// Error says what happened. What a panic says itself may hold what was read, and so is left out; what Go's runtime says
// does not.
func (p *Panic) Error() string {
	return fmt.Sprintf("%s panicked, which is a fault of Daemongate's: %s; its log says where", p.Doing, p.what)
}

// Catch does something, and returns the panic that ended it; nil if none did. A Panic that was caught elsewhere, and is
// panicked with again, keeps its stack.
func Catch(doing string, do func()) (caught *Panic) {
	defer func() {
		switch value := recover().(type) {
		case nil:
		case *Panic:
			caught = &Panic{Doing: doing, Stack: value.Stack, what: value.what}
		default:
			caught = &Panic{Doing: doing, Stack: string(debug.Stack()), what: describe(value)}
		}
	}()
	do()
	return nil
}

func describe(value any) string {
	if err, is := value.(runtime.Error); is {
		return err.Error()
	}
	return fmt.Sprintf("a %T", value)
}
