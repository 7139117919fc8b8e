package html

import "strings"

// piece is a part of a text: a command to be copied, or not.
type piece struct {
	text    string
	command bool
}

// piecesOf takes a text apart, whose commands stand between backticks.
func piecesOf(text string) []piece {
	parts := strings.Split(text, "`")
	if len(parts)%2 == 0 { // the last one does not end: it is none
		last := len(parts) - 1
		parts = append(parts[:last-1], parts[last-1]+"`"+parts[last])
	}
	var pieces []piece
	for i, part := range parts {
		pieces = append(pieces, piece{part, i%2 == 1})
	}
	return pieces
}
