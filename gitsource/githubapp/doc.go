// Package githubapp gets the access tokens of a GitHub App's installation, which are good for an hour, and renews them.
// One App serves whoever speaks to GitHub in its name: what reads repositories, and what reports to them.
package githubapp
