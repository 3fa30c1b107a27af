package likeness

import (
	"strings"
	"sync"
	"unicode"
)

// longest is how many bytes of a line are read: more is no sentence.
const longest = 4096

// pairWeight is what a pair of words counts: its two words have been counted already.
const pairWeight = 0.6

// terms are the words of a line, and the pairs of words that follow each other, with what each counts. The word
// after one of absence does not count by itself: "no OOM kill" does not speak of OOM kills.
func terms(line string) map[string]float64 {
	out := map[string]float64{}
	before, since := "", absent+1
	for _, w := range words(line[:min(len(line), longest)]) {
		if empty(w) {
			continue
		}
		w = stem(w)
		since++
		if since > absent {
			out[w] = 1
		}
		if before != "" && since != absent+1 {
			out[before+" "+w] = pairWeight
		}
		switch w {
		case "no", "not", "without", "never":
			since = 0
		}
		before = w
	}
	return out
}

// absent is how many words after one of absence it is surely about.
const absent = 1

// plainly writes out what is absent, and statuses as their numbers: who is told of "Service Unavailable" learns nothing of a
// Service. The reasons are those of RFC 9110, section 15.6, and of nginx (ngx_http_error_*_page in
// src/http/ngx_http_special_response.c).
var plainly = sync.OnceValue(func() *strings.Replacer {
	pairs := []string{"n't", " not", "’t", " not"}
	for reason, status := range map[string]string{
		"Service Unavailable": "503", "Service Temporarily Unavailable": "503", "Bad Gateway": "502", "Gateway Timeout": "504", "Gateway Time-out": "504",
	} {
		lower := strings.ToLower(reason)
		pairs = append(pairs, status+" "+reason, status, reason, status, status+" "+lower, status)
	}
	return strings.NewReplacer(pairs...)
})

// words splits at all that is no letter or digit, and within words like targetPort.
func words(line string) []string {
	line = plainly().Replace(line)
	var out []string
	var word strings.Builder
	end := func() {
		if word.Len() > 0 {
			out = append(out, strings.TrimRight(strings.ToLower(word.String()), "."))
			word.Reset()
		}
	}
	before := ' '
	for _, r := range line {
		switch {
		case r == '.' && unicode.IsDigit(before): // 10.0.0.1 and HTTP/2.0 are one number each
			word.WriteRune(r)
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			end()
		case unicode.IsUpper(r) && unicode.IsLower(before):
			end()
			word.WriteRune(r)
		default:
			word.WriteRune(r)
		}
		before = r
	}
	end()
	return out
}

// empty reports whether a word says nothing of a cause: the small words, and numbers that are neither none nor a
// status of HTTP.
func empty(w string) bool {
	switch w {
	case "a", "an", "the", "of", "to", "in", "on", "at", "for", "and", "or", "is", "are", "was", "were", "be", "been", "it", "its",
		"this", "that", "these", "those", "with", "by", "from", "as", "so", "then", "which", "who", "whose", "i", "we", "they", "he", "she",
		"but", "also", "because", "there", "has", "have", "had", "do", "does", "did", "can", "would", "will", "may", "very", "my", "our", "your",
		"their", "like", "please", "help", "thank", "yesterday", "today", "now", "if", "about", "such", "what", "how", "why", "nothing", "see", "log", "logs", "says", "say", "said", "shows", "get", "gets",
		"when", "where", "while", "some", "most", "mostly", "any", "more", "than", "other", "others", "could", "should", "must", "need", "needs", "use", "uses", "used", "using",
		"make", "makes", "made", "take", "takes", "took", "want", "wants", "seem", "seems", "know", "knows", "thing", "things", "way", "here", "into", "them", "me", "us", "you",
		"his", "her", "just", "even", "own", "each", "every", "due", "via", "per", "let", "really", "actually", "currently", "issue", "problem", "message", "messages", "able",
		"got", "getting", "am", "ones":
		return true
	case "0", "400", "404", "408", "421", "426", "429", "460", "499", "500", "502", "503", "504":
		return false
	}
	return strings.Trim(w, "0123456789.") == ""
}

// stem cuts off endings, so that restarts, restarted and restarting are one word.
func stem(w string) string {
	if !strings.ContainsAny(w, "abcdefghijklmnopqrstuvwxyz") {
		return w
	}
	for _, ending := range []string{"ings", "ing", "ed", "ies", "es", "s", "ly"} {
		rest, ok := strings.CutSuffix(w, ending)
		if !ok || len(rest) < 4 {
			continue
		}
		w = rest
		if ending == "ies" {
			w += "y"
		}
		break
	}
	if n := len(w); n > 4 && w[n-1] == w[n-2] && w[n-1] != 'l' && w[n-1] != 's' {
		w = w[:n-1]
	}
	if len(w) > 4 {
		w = strings.TrimSuffix(w, "e")
	}
	return w
}
