// Package html is what the page shows, made of views of Syncs: whole pages, and the frames that keep an open one in
// step. It reads no cluster, no clock and no disk; who may see what is decided before.
package html

//go:generate go run github.com/a-h/templ/cmd/templ@v0.3.1118 generate
