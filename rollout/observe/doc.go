// Package observe turns watches of a cluster into looks for the judge. It alone has clients and a clock.
package observe
