package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"fmt"
	"os"
	"regexp"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/CycloneDX/cyclonedx-gomod/pkg/generate/bin"
	"github.com/google/uuid"
	"github.com/rs/zerolog"
)

// billOf lists what a Go binary is made of, as CycloneDX in JSON: each module that is linked in, with its version and
// checksum, and Go's own library. The compiler has written it into the binary; two runs say the same.
func billOf(file string, r release) ([]byte, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	generator, err := bin.NewGenerator(file, bin.WithIncludeStdlib(true), bin.WithVersionOverride(r.version),
		bin.WithLogger(zerolog.Nop()))
	if err != nil {
		return nil, err
	}
	bom, err := generator.Generate()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if err := nameItsPlatform(bom, file); err != nil {
		return nil, err
	}
	// The number is to be another one for another binary, and the same for the same one.
	sum := sha256.Sum256(content)
	bom.SerialNumber = uuid.NewSHA1(uuid.NameSpaceURL, append([]byte(module+"/"), sum[:]...)).URN()
	bom.Metadata.Timestamp = r.time.Format("2006-01-02T15:04:05Z")
	var text bytes.Buffer
	e := cyclonedx.NewBOMEncoder(&text, cyclonedx.BOMFileFormatJSON)
	e.SetPretty(true).SetEscapeHTML(false)
	if err := e.Encode(bom); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}

// platform is that part of a package URL which the generator takes from the machine that it runs on.
var platform = regexp.MustCompile(`goarch=[^&#]*&goos=[^&#]*`)

// nameItsPlatform has the package URLs of a bill name the platform that a binary was built for.
func nameItsPlatform(bom *cyclonedx.BOM, file string) error {
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	set := map[string]string{}
	for _, s := range info.Settings {
		set[s.Key] = s.Value
	}
	built := "goarch=" + set["GOARCH"] + "&goos=" + set["GOOS"]
	name := func(c *cyclonedx.Component) { c.PackageURL = platform.ReplaceAllLiteralString(c.PackageURL, built) }
	name(bom.Metadata.Component)
	for i := range *bom.Components {
		name(&(*bom.Components)[i])
	}
	return nil
}
