package install

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// set puts what was asked for into the Deployment of the controller: as values and not as text, so that no value can be
// YAML.
func (o Options) set(deployment *unstructured.Unstructured) error {
	path := []string{"spec", "template", "spec", "containers"}
	containers, _, err := unstructured.NestedSlice(deployment.Object, path...)
	if err != nil || len(containers) != 1 {
		return errors.Join(errors.New("the manifest of the controller has other than one container"), err)
	}
	container, _ := containers[0].(map[string]any)
	container["image"] = o.Image
	args, _, err := unstructured.NestedStringSlice(container, "args")
	if err != nil {
		return fmt.Errorf("the manifest of the controller: %w", err)
	}
	for i, arg := range args {
		switch arg {
		case "--cluster-name=CLUSTER":
			args[i] = "--cluster-name=" + o.ClusterName
		case allNamespaces:
			args[i] = o.lookAfter()
		}
	}
	r := o.Resources.OrDefault()
	for _, s := range []struct {
		value string
		path  []string
	}{
		{r.CPURequest, []string{"resources", "requests", "cpu"}},
		{r.MemoryRequest, []string{"resources", "requests", "memory"}},
		{r.MemoryLimit, []string{"resources", "limits", "memory"}},
	} {
		err = errors.Join(err, unstructured.SetNestedField(container, s.value, s.path...))
	}
	err = errors.Join(err, unstructured.SetNestedStringSlice(container, slices.Concat(args, o.pageArguments()), "args"))
	return errors.Join(err, unstructured.SetNestedSlice(deployment.Object, containers, path...))
}

// pageArguments are those of a controller that serves the page.
func (o Options) pageArguments() []string {
	switch {
	case !o.Page:
		return nil
	case o.PageActions:
		return []string{"--http=:8080", "--http-actions"}
	}
	return []string{"--http=:8080"}
}

// imageName is how the kubelet wants an image to be named: a host, a path in lower case, a tag, a digest.
var imageName = regexp.MustCompile(`^(([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?([.][A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*|` +
	`\[[a-fA-F0-9:]+\])(:[0-9]+)?/)?[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*(/[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*)*` +
	`(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64}|@sha512:[0-9a-f]{128})?$`)

// CheckImage refuses what names no image.
func CheckImage(image string) error {
	if !imageName.MatchString(image) {
		return fmt.Errorf("--image %q: want the name of an image, such as registry.example.com/daemongate:v1", image)
	}
	return nil
}
