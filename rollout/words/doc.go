// Package words writes lists, numbers and long texts in as little room as can still be read.
package words
