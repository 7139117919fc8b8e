package controller

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"regexp"
	"strings"

	"github.com/go-logr/logr"
	"github.com/sirupsen/logrus"
	"k8s.io/klog/v2"
)

// CheckLog says which flag of the log has a value that is none.
func CheckLog(level, format string) error {
	switch level {
	case "trace", "debug", "info", "warning", "error":
	default:
		return fmt.Errorf("--log-level %q: want trace, debug, info, warning or error", level)
	}
	if format != "text" && format != jsonFormat {
		return fmt.Errorf("--log-format %q: want text or json", format)
	}
	return nil
}

const jsonFormat = "json"

// NewLines returns where the lines for people go. With the format json each becomes an object with its time, as those
// of the log are.
func NewLines(out io.Writer, format string) io.Writer {
	if format != jsonFormat {
		return out
	}
	l := logrus.New()
	l.SetOutput(out)
	l.SetFormatter(&logrus.JSONFormatter{})
	return jsonLines{l}
}

type jsonLines struct{ log *logrus.Logger }

// clockTime is what a line for people begins with, which has no date.
var clockTime = regexp.MustCompile(`^\d\d:\d\d:\d\d +`)

// Write takes whole lines, as those who print them write them.
func (j jsonLines) Write(text []byte) (int, error) {
	for line := range strings.Lines(string(text)) {
		if line = clockTime.ReplaceAllString(strings.TrimSpace(line), ""); line != "" {
			j.log.Info(line)
		}
	}
	return len(text), nil
}

// NewLog returns the log of a process, and has client-go and the standard library write into it. The format is text or
// json.
func NewLog(out io.Writer, level, format string) *logrus.Logger {
	l := logrus.New()
	l.SetOutput(out)
	if parsed, err := logrus.ParseLevel(level); err == nil {
		l.SetLevel(parsed)
	}
	if format == jsonFormat {
		l.SetFormatter(&logrus.JSONFormatter{})
	}
	klog.SetLoggerWithOptions(logr.FromSlogHandler(&bridge{log: l}), klog.WriteKlogBuffer(klogLines{l}.write))
	log.SetFlags(0)
	log.SetOutput(l.WriterLevel(logrus.InfoLevel))
	return l
}

// klogLines writes the lines of klog's older functions to logrus. Given to a logger, as those of the newer ones are,
// they would be info or errors, and a warning info.
type klogLines struct{ log logrus.FieldLogger }

// klogLine is a line of klog: W1130 12:00:00.000000 1234 reflector.go:561] what is said.
var klogLine = regexp.MustCompile(`(?s)^([IWEF])\d{4} \S+ +\d+ [^\]]+\] (.*)$`)

// write takes one line, which klog has made, or what it makes of one.
func (k klogLines) write(line []byte) {
	severity, text := "W", strings.TrimSpace(string(line))
	if m := klogLine.FindStringSubmatch(text); m != nil {
		severity, text = m[1], m[2]
	}
	if severity == "I" {
		k.log.Debug(text)
		return
	}
	k.log.Warn(text)
}

// bridge is a slog.Handler that writes to logrus. What client-go calls info is for its developers: debug here. What it
// calls an error it tries again: a warning here, as what it warns of is.
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
	case r.Level >= slog.LevelWarn:
		entry.Warn(r.Message)
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
