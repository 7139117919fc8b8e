package main

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/ko/pkg/build"
	"go.yaml.in/yaml/v3"
)

// koConfig is .ko.yaml, as far as it is used. ko's own reader brings viper, kind and Docker's client with it; what a
// build means is ko's own type.
type koConfig struct {
	DefaultBaseImage string         `yaml:"defaultBaseImage"` // of who runs ko; here it is made
	DefaultPlatforms []string       `yaml:"defaultPlatforms"`
	Builds           []build.Config `yaml:"builds"`
}

// readKo reads .ko.yaml in a folder, and refuses what ko would overlook.
func readKo(root string) (*koConfig, error) {
	file := filepath.Join(root, ".ko.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	c := &koConfig{}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(c); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(c.Builds) != 1 || len(c.DefaultPlatforms) == 0 {
		return nil, fmt.Errorf("%s: want one of builds, and defaultPlatforms", file)
	}
	return c, nil
}

// importPath is the command that is built, in the module of the repository.
func (c *koConfig) importPath() string {
	return path.Join(module, strings.TrimPrefix(c.Builds[0].Main, "./"))
}

// module is the one that go.mod of the repository names.
const module = "github.com/daemongate/daemongate"

func (c *koConfig) platforms() ([]v1.Platform, error) {
	var all []v1.Platform
	for _, text := range c.DefaultPlatforms {
		p, err := v1.ParsePlatform(text)
		if err != nil {
			return nil, fmt.Errorf("platform %q: %w", text, err)
		}
		if p.OS == "" || p.Architecture == "" {
			return nil, fmt.Errorf("platform %q: want a system and an architecture, such as linux/amd64", text)
		}
		all = append(all, *p)
	}
	return all, nil
}
