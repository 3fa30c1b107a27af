// Package redact takes secrets out of what leaves a cluster: objects and log lines.
//
// It knows names under which people keep secrets (DB_PASSWORD, --api-key, Authorization) and forms
// that secrets have (JSON Web Tokens, private keys, addresses with a password in them). Neither is
// complete: whoever shares a dump should look through it. What is not secret by name or form is
// kept, because a dump without values explains nothing.
package redact

import "regexp"

// Removed stands where something was taken out. It is one word, so that a second pass finds it as a
// value again and leaves it as it is.
const Removed = "REDACTED"

// secretName matches names of environment variables, flags, headers and fields whose values are
// secret. KEY alone is not enough: sort keys, partition keys and key names are not.
var secretName = regexp.MustCompile(`(?i)(passw|passphrase|^pass$|[_\-.]pass$|secret|token|credential|` +
	`api[_\-.]?key|access[_\-.]?key|private[_\-.]?key|signing[_\-.]?key|encryption[_\-.]?key|account[_\-.]?key|master[_\-.]?key|` +
	`^authorization$|^proxy-authorization$|^x-api-key$|^cookie$|^set-cookie$|^auth$|[_\-.]auth$|[_\-]dsn$|^dsn$|connection[_\-.]?string|salt$|htpasswd)`)

// reference matches names whose values name a secret without being one.
var reference = regexp.MustCompile(`(?i)(name|names|namespace|ref|refs|file|path|dir|mount|url|uri|endpoint|type|realm|ttl|expiry|expiration|seconds|enabled|policy|audience|audiences|issuer)$`)

// Secret reports whether a name announces a secret value.
func Secret(name string) bool {
	return secretName.MatchString(name) && !reference.MatchString(name)
}

// The forms that secrets have.
var (
	privateKey = regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)`)
	// A JSON Web Token: two or three base64url parts, the first of which is {" encoded.
	webToken = regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(\.[A-Za-z0-9_-]*)?`)
	// user:password@host in an address (RFC 3986, userinfo). The password may hold an @ of its own.
	userInfo = regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://[^\s/:@"']*):[^\s/"']+@`)
	bearer   = regexp.MustCompile(`(?i)\b(bearer|basic)\s+[A-Za-z0-9+/_~.=-]{8,}`)
	// Identifiers with a fixed beginning: AWS, GitHub, Slack, Stripe, Google.
	branded = regexp.MustCompile(`\b((AKIA|ASIA)[A-Z0-9]{16}|gh[opsur]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|` +
		`xox[abprs]-[A-Za-z0-9-]{10,}|[rs]k_live_[A-Za-z0-9]{10,}|AIza[A-Za-z0-9_-]{30,})`)
	// password=..., "token": "..." in running text. Closing brackets and separators end the value.
	assigned = regexp.MustCompile(`(?i)(\b[a-z0-9_.-]*(?:password|passwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key)` +
		`["']?\s*[=:]\s*["']?)[^\s"'&,;)}\]]+`)
	flagged = regexp.MustCompile(`(?i)((?:^|\s)--?[a-z0-9-]*(?:password|passwd|secret|token|api-key|access-key|private-key)\s+)[^\s-]\S*`)
	cookie  = regexp.MustCompile(`(?i)\b((?:set-)?cookie["']?\s*[:=]\s*["']?)[^"'\r\n]+`)
)

// Line is a log line, or any other text, without what has the form of a secret.
func Line(text string) string {
	text = privateKey.ReplaceAllString(text, Removed)
	text = webToken.ReplaceAllString(text, Removed)
	text = userInfo.ReplaceAllString(text, "${1}:"+Removed+"@")
	text = bearer.ReplaceAllString(text, "${1} "+Removed)
	text = branded.ReplaceAllString(text, Removed)
	text = assigned.ReplaceAllString(text, "${1}"+Removed)
	text = flagged.ReplaceAllString(text, "${1}"+Removed)
	return cookie.ReplaceAllString(text, "${1}"+Removed)
}
