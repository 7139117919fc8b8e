// Package gitsource mirrors Git repositories and reads them: the commit that a ref is at, the history between two
// commits, and a commit's files, straight from the object database.
//
// A mirror is a bare repository on disk, one per URL and credentials, shared by all its callers. What is in it is
// proven before it is used: a ref of the mirror points only at commits whose trees were seen to be complete, and every
// object that is read is checked against its name. A mirror that fails is made anew beside the old one and put in its
// place at once, so that a reader sees the one or the other. Reads never wait for a fetch.
package gitsource
