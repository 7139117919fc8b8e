// Package screen draws the view of a Sync: on a terminal's whole screen, or in lines that are appended. It is pure: it
// is told what was seen, which key was pressed and how large the terminal is, and says what stands there then.
package screen
