package policies

// Canonical says how a URL is made an identity: two URLs of the same key are
// the same page. The zero value is the documented canonical form. What is
// fetched is always the URL as it was found.
type Canonical struct {
	DropParams []string // query parameters left out: names, or prefixes such as "utm_*"
	KeepOrder  bool     // leave the parameters in the order found
}

// Key is u's canonical form.
func (c Canonical) Key(u URL) string {
	return u.String()
}
