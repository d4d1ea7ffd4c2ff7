package extract

import "strings"

// RobotsMeta is what the page's meta elements say to crawlers: the content of
// those named "robots" and of those named as agent, if that is not "". Each
// value is as an X-Robots-Tag header would have it.
func RobotsMeta(page, agent string) []string {
	if !mayName(page, "robots") && (agent == "" || !mayName(page, agent)) {
		return nil
	}
	var values []string
	z := scanner{page: page, cut: true}
	for z.next() {
		if z.end || z.key != keyMeta || z.foreign {
			continue
		}
		name, _ := z.get("name")
		name = trimSpace(unescapeAttr(name))
		if strings.EqualFold(name, "robots") || agent != "" && strings.EqualFold(name, agent) {
			content, _ := z.get("content")
			values = append(values, unescapeAttr(content))
		}
	}
	return values
}

// mayName reports whether word is somewhere in the page, in one of the cases
// in which people write it.
func mayName(page, word string) bool {
	lower := strings.ToLower(word)
	return strings.Contains(page, lower) || strings.Contains(page, strings.ToUpper(word)) ||
		strings.Contains(page, strings.ToUpper(lower[:1])+lower[1:])
}
