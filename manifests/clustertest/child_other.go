//go:build !linux

package clustertest

import "syscall"

func dieWithParent() *syscall.SysProcAttr { return nil }
