package sync

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/daemongate/daemongate/render"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// RenderOptions are the bounds of a Sync's spec.render, without remote bases. The error names the field.
func RenderOptions(s *api.Sync) (render.Options, error) {
	r := s.Spec.Render
	file, fileErr := bytesOf("spec.render.maxFileSize", r.MaxFileSize)
	total, totalErr := bytesOf("spec.render.maxTotalSize", r.MaxTotalSize)
	if err := errors.Join(fileErr, totalErr); err != nil {
		return render.Options{}, fmt.Errorf("Sync %s/%s: %w", s.Namespace, s.Name, err)
	}
	return render.Options{FileSize: file, TotalSize: total, Objects: r.MaxObjects, Timeout: r.Timeout.Duration,
		Namespace: s.Spec.Apply.TargetNamespace}, nil
}

// bytesOf reads a quantity of bytes; an empty text is the default.
func bytesOf(field, text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	q, err := resource.ParseQuantity(text)
	if err != nil || q.Value() <= 0 {
		return 0, fmt.Errorf("%s: %q is no size: write it as 4Mi or 500k", field, text)
	}
	return q.Value(), nil
}

// renderOptions are a lane's bounds, and its way to remote bases if they are allowed.
func (c *Controller) renderOptions(l *lane) (render.Options, error) {
	o, err := RenderOptions(l.sync)
	if err != nil || !l.sync.Spec.Render.AllowRemoteBases {
		return o, err
	}
	o.Base = func(ctx context.Context, url, commit string) (fs.FS, error) {
		tree, err := l.source.Base(ctx, l.sync, url, commit)
		if err != nil {
			return nil, err
		}
		return tree, nil
	}
	return o, nil
}
