package extract

import (
	"strings"

	"golang.org/x/net/html"
)

var (
	keySVG           = tagKey("svg")
	keyMath          = tagKey("math")
	keyFont          = tagKey("font")
	keyMglyph        = tagKey("mglyph")
	keyMalignmark    = tagKey("malignmark")
	keyAnnotationXML = tagKey("annotation-xml")
	keyFrameset      = tagKey("frameset")
	keyFrame         = tagKey("frame")
)

func keys(names string) map[uint64]bool {
	m := map[uint64]bool{}
	for _, n := range strings.Fields(names) {
		m[tagKey(n)] = true
	}
	return m
}

var (
	// breakout are the start tags that end foreign content (WHATWG HTML §13.2.6.5).
	breakout = keys(`b big blockquote body br center code dd div dl dt em embed h1 h2 h3 h4 h5 h6
		head hr i img li listing menu meta nobr ol p pre ruby s small span strong strike sub sup
		table tt u ul var`)
	// outer are elements that foreign content is commonly in, beside those: their
	// end tags end it too.
	outer = keys(`a abbr article aside body button caption details dialog fieldset figcaption figure
		footer form header html label legend main nav noscript option section select summary tbody
		td template tfoot th thead tr`)
	mathText = keys("mi mo mn ms mtext")
	svgHTML  = keys("desc foreignobject title")
)

// maxForeign is how many open elements of foreign content are known.
const maxForeign = 256

// frame is an open element of foreign content.
type frame struct {
	key  uint64
	kind frameKind
	math bool
}

type frameKind uint8

const (
	plainForeign  frameKind = iota
	mathTextPoint           // start tags in it but two are HTML
	htmlPoint               // what is in it is HTML
)

func (f frame) html() bool { return f.kind == htmlPoint }

// openForeign handles a start tag in foreign content, or the one that begins it.
func (z *scanner) openForeign() {
	if len(z.stack) > 0 && !z.htmlHere() {
		if !breakout[z.key] && (z.key != keyFont || !z.hasFontAttr()) {
			z.foreign = true
			z.push(z.stack[len(z.stack)-1].math)
			return
		}
		z.breakOut()
	}
	if z.key == keySVG || z.key == keyMath {
		z.foreign = true
		z.push(z.key == keyMath)
	}
}

// htmlHere says whether the start tag at hand, in foreign content, is HTML.
func (z *scanner) htmlHere() bool {
	switch top := z.stack[len(z.stack)-1]; top.kind {
	case htmlPoint:
		return true
	case mathTextPoint:
		return z.key != keyMglyph && z.key != keyMalignmark
	default:
		return top.math && top.key == keyAnnotationXML && z.key == keySVG
	}
}

func (z *scanner) push(math bool) {
	if z.selfEnd || len(z.stack) == maxForeign {
		return
	}
	f := frame{key: z.key, math: math}
	switch {
	case math && mathText[z.key]:
		f.kind = mathTextPoint
	case math && z.key == keyAnnotationXML:
		enc, _ := z.get("encoding")
		if enc = unescapeAttr(enc); equalLower(enc, "text/html") || equalLower(enc, "application/xhtml+xml") {
			f.kind = htmlPoint
		}
	case !math && svgHTML[z.key]:
		f.kind = htmlPoint
	}
	z.stack = append(z.stack, f)
}

func (z *scanner) hasFontAttr() bool {
	for _, name := range []string{"color", "face", "size"} {
		if _, ok := z.get(name); ok {
			return true
		}
	}
	return false
}

// breakOut closes foreign elements up to the HTML around them.
func (z *scanner) breakOut() {
	for len(z.stack) > 0 && z.stack[len(z.stack)-1].kind == plainForeign {
		z.stack = z.stack[:len(z.stack)-1]
	}
}

// closeForeign handles an end tag in foreign content. The HTML elements around
// and inside it are not known; an end tag of one of those named in breakout and
// outer is taken to close an element around it.
func (z *scanner) closeForeign() {
	for i := len(z.stack) - 1; i >= 0; i-- {
		if z.stack[i].key == z.key {
			z.stack = z.stack[:i]
			return
		}
	}
	if breakout[z.key] || outer[z.key] {
		z.breakOut()
	}
}

// frameset is what the scanner knows of framesets.
type frameset struct {
	asked    bool // accepted is known
	accepted bool // the page is one of frames: all but frames is ignored
	depth    int
	here     bool // the tag at hand is a frame in a frameset
}

// openFrame handles a frameset or frame start tag. Whether a page may still
// become one of frames depends on all that came before, so the tree is asked,
// once a page.
func (z *scanner) openFrame() {
	f := &z.frames
	f.here = z.key == keyFrame && f.depth > 0
	if z.key == keyFrame {
		return
	}
	if !f.asked {
		f.asked = true
		f.accepted = hasFrameset(z.page[:z.pos])
	}
	if f.accepted {
		f.depth++
	}
}

func hasFrameset(page string) bool {
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return false
	}
	for n := range doc.Descendants() {
		if n.Data == "frameset" && n.Type == html.ElementNode {
			return true
		}
	}
	return false
}

// ignored says whether a tree would leave out the element of the start tag at
// hand: anything but frames in a page of frames, and frames elsewhere.
func (z *scanner) ignored() bool {
	if z.foreign {
		return false
	}
	if z.key == keyFrame {
		return !z.frames.here
	}
	return z.frames.accepted && z.key != keyFrameset && z.key != keyNoframes
}
