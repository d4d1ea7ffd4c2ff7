package extract

import "strings"

var (
	keyScript    = tagKey("script")
	keyStyle     = tagKey("style")
	keyTextarea  = tagKey("textarea")
	keyTitle     = tagKey("title")
	keyXmp       = tagKey("xmp")
	keyIframe    = tagKey("iframe")
	keyNoembed   = tagKey("noembed")
	keyNoframes  = tagKey("noframes")
	keyPlaintext = tagKey("plaintext")
	keyNoscript  = tagKey("noscript")
	keyImage     = tagKey("image")
	keyImg       = tagKey("img")
)

// open does what the start tag at hand means for the tags after it: the text of
// a raw text element is skipped, foreign content and framesets are noted.
func (z *scanner) open() {
	z.foreign = false
	if z.key == keySVG || z.key == keyMath || len(z.stack) > 0 {
		if z.openForeign(); z.foreign {
			return
		}
	}
	switch z.key {
	case keyScript:
		z.rawText(scriptEnd(z.page, z.pos))
	case keyStyle, keyTextarea, keyTitle, keyXmp, keyIframe, keyNoembed, keyNoframes:
		z.rawText(rawEnd(z.page, z.pos, z.name))
	case keyPlaintext:
		z.rawText(len(z.page))
	case keyNoscript:
		z.noscript++
	case keyImage:
		z.key, z.name = keyImg, "img"
	case keyFrameset, keyFrame:
		z.openFrame()
	}
}

// close does the same for the end tag at hand.
func (z *scanner) close() {
	switch {
	case len(z.stack) > 0:
		z.closeForeign()
	case z.key == keyNoscript && z.noscript > 0:
		z.noscript--
	case z.key == keyFrameset && z.frames.depth > 0:
		z.frames.depth--
	}
}

func (z *scanner) rawText(end int) {
	z.inner = z.page[z.pos:end]
	z.pos = end
}

// rawEnd returns where the end tag begins that ends the raw text from p on.
func rawEnd(page string, p int, name string) int {
	for {
		i := strings.Index(page[p:], "</")
		if i < 0 {
			return len(page)
		}
		p += i
		if isTag(page[p+2:], name) {
			return p
		}
		p += 2
	}
}

// isTag says whether s begins with a tag's name and a byte that ends it.
func isTag(s, name string) bool {
	return len(s) > len(name) && class[s[len(name)]]&endsName != 0 && strings.EqualFold(s[:len(name)], name)
}

// scriptEnd returns where the end tag of the script begins whose text starts at
// p. Inside "<!--" a "<script>" hides the next "</script>" (WHATWG HTML
// §13.2.5.20 to §13.2.5.31).
func scriptEnd(page string, p int) int {
	for {
		i := strings.IndexByte(page[p:], '<')
		if i < 0 {
			return len(page)
		}
		p += i
		switch rest := page[p:]; {
		case strings.HasPrefix(rest, "<!--"):
			end, ended := escapedScript(page, p+2)
			if ended {
				return end
			}
			p = end
		case strings.HasPrefix(rest, "</") && isTag(rest[2:], "script"):
			return p
		default:
			p++
		}
	}
}

// escapedScript reads on from the dashes of a "<!--" in a script: to the end tag
// (ended is true), or past the "-->" after which the script is plain again.
func escapedScript(page string, p int) (end int, ended bool) {
	double := false
	for p < len(page) {
		i := strings.IndexAny(page[p:], "-<")
		if i < 0 {
			break
		}
		p += i
		switch rest := page[p:]; {
		case strings.HasPrefix(rest, "-->"):
			return p + 3, false
		case strings.HasPrefix(rest, "</") && isTag(rest[2:], "script"):
			if !double {
				return p, true
			}
			double = false
			p += len("</script")
		case rest[0] == '<' && !double && isTag(rest[1:], "script"):
			double = true
			p += len("<script")
		default:
			p++
		}
	}
	return len(page), true
}
