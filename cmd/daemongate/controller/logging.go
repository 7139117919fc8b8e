package controller

import (
	"context"
	"io"
	"log"
	"log/slog"

	"github.com/sirupsen/logrus"
	"k8s.io/klog/v2"
)

// NewLog returns the log of a process, and has client-go and the standard library write into it. The format is text or
// json.
func NewLog(out io.Writer, level, format string) *logrus.Logger {
	l := logrus.New()
	l.SetOutput(out)
	if parsed, err := logrus.ParseLevel(level); err == nil {
		l.SetLevel(parsed)
	}
	if format == "json" {
		l.SetFormatter(&logrus.JSONFormatter{})
	}
	klog.SetSlogLogger(slog.New(&bridge{log: l}))
	log.SetFlags(0)
	log.SetOutput(l.WriterLevel(logrus.InfoLevel))
	return l
}

// bridge is a slog.Handler that writes to logrus. What client-go calls info is for its developers: debug here.
type bridge struct{ log logrus.FieldLogger }

// mostVerbose is klog's -v=4. From 6 on client-go logs requests, and from 8 on their bodies, in which there are
// Secrets.
const mostVerbose slog.Level = -4

// Enabled leaves the choice to logrus, but for what nobody shall choose.
func (b *bridge) Enabled(_ context.Context, level slog.Level) bool { return level >= mostVerbose }

// Handle writes one record.
func (b *bridge) Handle(_ context.Context, r slog.Record) error {
	entry := b.log
	r.Attrs(func(a slog.Attr) bool {
		entry = entry.WithField(a.Key, a.Value.String())
		return true
	})
	switch {
	case r.Level >= slog.LevelError:
		entry.Warn(r.Message)
	case r.Level >= slog.LevelWarn:
		entry.Info(r.Message)
	default:
		entry.Debug(r.Message)
	}
	return nil
}

// WithAttrs keeps fields for later records.
func (b *bridge) WithAttrs(attrs []slog.Attr) slog.Handler {
	entry := b.log
	for _, a := range attrs {
		entry = entry.WithField(a.Key, a.Value.String())
	}
	return &bridge{log: entry}
}

// WithGroup is not needed by what writes here.
func (b *bridge) WithGroup(string) slog.Handler { return b }
