package option

import "strings"

// Nearest is the word of among that was probably meant: at most two insertions,
// deletions, changes or swaps away (one for words of up to four letters), else
// the only one that begins with word. The earlier of equals wins.
func Nearest(word string, among []string) (string, bool) {
	most := 2
	if len(word) <= 4 {
		most = 1
	}
	best := ""
	for _, w := range among {
		if w == "" || w == word {
			continue
		}
		if d := distance(word, w, most); d <= most {
			best, most = w, d-1
		}
	}
	if best != "" {
		return best, true
	}
	return beginning(word, among)
}

// beginning is the only word of among that word begins, if it has three letters
// at least.
func beginning(word string, among []string) (string, bool) {
	found := ""
	for _, w := range among {
		if len(word) < 3 || w == word || !strings.HasPrefix(w, word) && !strings.HasPrefix(w, strings.TrimSuffix(word, "s")+"_") {
			continue
		}
		if found != "" {
			return "", false
		}
		found = w
	}
	return found, found != ""
}

// distance is the Damerau-Levenshtein distance (adjacent swaps, each letter
// moved once), or more than most.
func distance(a, b string, most int) int {
	if d := len(a) - len(b); d > most || -d > most {
		return most + 1
	}
	before, last, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next[0] = i
		for j := 1; j <= len(b); j++ {
			change := last[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			next[j] = min(change, last[j]+1, next[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, last, next = last, next, before
	}
	return last[len(b)]
}
