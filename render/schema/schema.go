// Package schema gives kustomize the schema that is built into it, in a form that is read sooner. A
// process that renders needs it once, and most of them render little else.
package schema

import (
	_ "embed"
	"sync"

	"sigs.k8s.io/kustomize/kyaml/openapi"
)

// builtin is what kustomize's own schema comes to (see TestItIsKustomizesOwn, which writes it).
//
//go:embed builtin.bin
var builtin string

// Use gives kustomize its schema. The whole process shares it, and kustomize would read it at the first patch, while
// other renders look into it without a lock: so this comes before any render. It is not for a process in which
// kustomize has been at work before.
var Use = sync.OnceFunc(use)

func use() {
	openapi.SuppressBuiltInSchemaUse()
	openapi.AddDefinitions(decode(builtin))
	openapi.Schema() // with what it knows of its own kinds
}
