package extract

import (
	"compress/gzip"
	"encoding/json"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// linkCheck is every kind of link that the truth about the sites follows.
const linkCheck = "a[href], area[href], link[href], img[src], script[src], iframe[src], frame[src], source[src]"

type site struct {
	Name, Docroot, Entry string
}

type siteTruth struct {
	Broken []string `json:"broken_urls"`
	Pages  []struct {
		URL    string
		Status int
		Links  int
	}
}

// sharedDir is a folder beside the project, or skips the test.
func sharedDir(t testing.TB, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
	dir = filepath.Join(dir, "..", "shared", name)
	if name == "suites" && os.Getenv("DOWNPOUR_SUITES") != "" {
		dir = os.Getenv("DOWNPOUR_SUITES")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no %s here: %v", name, err)
	}
	return dir
}

func readJSON(t testing.TB, file string, v any) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}

func readTruth(t *testing.T, file string) siteTruth {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	zr, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var truth siteTruth
	if err := json.NewDecoder(zr).Decode(&truth); err != nil {
		t.Fatal(err)
	}
	return truth
}

// TestSites walks installed documentation from disk and compares with what is
// known of it. The big ones take long and want DOWNPOUR_ALL_SITES=1.
func TestSites(t *testing.T) {
	dir := sharedDir(t, "sites")
	var sites []site
	readJSON(t, filepath.Join(dir, "sites.json"), &sites)
	for _, s := range sites {
		t.Run(s.Name, func(t *testing.T) {
			root := "/" + s.Docroot
			if _, err := os.Stat(filepath.Join(root, s.Entry)); err != nil {
				t.Skipf("not installed: %v", err)
			}
			if big := s.Name == "cppreference" || s.Name == "boost" || s.Name == "rust"; big && os.Getenv("DOWNPOUR_ALL_SITES") == "" {
				t.Skip("big: set DOWNPOUR_ALL_SITES=1")
			}
			truth := readTruth(t, filepath.Join(dir, s.Name+".json.gz"))
			want := map[string]int{}
			for _, p := range truth.Pages {
				want[p.URL] = p.Status
			}
			files, err := os.OpenRoot(root)
			if err != nil {
				t.Fatal(err)
			}
			defer files.Close()
			got := walk(t, files, "http://site.test/"+s.Entry)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("URLs and their status (-truth +walk):\n%s", diff)
			}
			var broken []string
			for _, u := range slices.Sorted(maps.Keys(got)) {
				if got[u] >= 400 {
					broken = append(broken, u)
				}
			}
			slices.Sort(truth.Broken)
			if diff := cmp.Diff(truth.Broken, broken); diff != "" {
				t.Errorf("broken (-truth +walk):\n%s", diff)
			}
		})
	}
}

// walk visits every page of a site that its entry leads to.
func walk(t *testing.T, root *os.Root, entry string) map[string]int {
	sel, err := ParseSelector(linkCheck)
	if err != nil {
		t.Fatal(err)
	}
	status := map[string]int{entry: 0}
	for queue := []string{entry}; len(queue) > 0; queue = queue[1:] {
		at, err := url.Parse(queue[0])
		if err != nil {
			t.Fatal(err)
		}
		body, isHTML, code := serve(root, at.Path)
		status[queue[0]] = code
		if !isHTML {
			continue
		}
		page, _ := Decode(body, "", HTML)
		var found []string
		base := at
		if b, _ := Refs(page, sel, func(ref string, _, _ bool) bool { found = append(found, ref); return true }); b != "" {
			if u, err := at.Parse(b); err == nil {
				base = u
			}
		}
		for _, ref := range found {
			u, err := base.Parse(ref)
			if err != nil || u.Scheme != "http" || u.Host != "site.test" {
				continue
			}
			u.Fragment, u.RawFragment = "", ""
			if _, seen := status[u.String()]; !seen {
				status[u.String()] = 0
				queue = append(queue, u.String())
			}
		}
	}
	return status
}

// serve answers as a file server would that follows no link out of its root.
func serve(root *os.Root, name string) (body []byte, isHTML bool, status int) {
	file := strings.TrimPrefix(path.Clean("/"+name), "/")
	if file == "" {
		file = "."
	}
	info, err := root.Stat(file)
	if err != nil {
		return nil, false, 404
	}
	if info.IsDir() {
		file = path.Join(file, "index.html")
		if _, err := root.Stat(file); err != nil {
			return nil, false, 403
		}
	}
	if body, err = root.ReadFile(file); err != nil {
		return nil, false, 403
	}
	return body, strings.HasSuffix(file, ".html") || strings.HasSuffix(file, ".htm"), 200
}

// htmlFiles lists the HTML pages of a folder.
func htmlFiles(t testing.TB, root string) []string {
	var files []string
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && (strings.HasSuffix(name, ".html") || strings.HasSuffix(name, ".htm")) {
			files = append(files, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestScannerIsTree compares what the scanner finds with what is in the tree, on
// a sample of the installed documentation; all of it with DOWNPOUR_ALL_SITES=1.
func TestScannerIsTree(t *testing.T) {
	dir := sharedDir(t, "sites")
	var sites []site
	readJSON(t, filepath.Join(dir, "sites.json"), &sites)
	for _, s := range sites {
		t.Run(s.Name, func(t *testing.T) {
			files := htmlFiles(t, "/"+s.Docroot)
			if len(files) == 0 {
				t.Skip("not installed: no pages in /" + s.Docroot)
			}
			step := max(1, len(files)/40)
			if os.Getenv("DOWNPOUR_ALL_SITES") != "" {
				step = 1
			}
			for i := 0; i < len(files); i += step {
				body, err := os.ReadFile(files[i])
				if err != nil {
					t.Fatal(err)
				}
				page, _ := Decode(body, "", HTML)
				if diff := scannerDiff(t, page); diff != "" {
					t.Errorf("%s (-tree +scanner):\n%s", files[i], diff)
				}
			}
		})
	}
}

// scannerDiff says how the links of a page's bytes differ from its tree's. A
// link counts once however often it is there, as a tree may double elements.
func scannerDiff(t testing.TB, page string) string {
	sel, err := ParseSelector(linkCheck)
	if err != nil {
		t.Fatal(err)
	}
	type set struct {
		Title, Base string
		Links       []string
	}
	collect := func(links []Link, base, title string) set {
		m := map[string]bool{}
		for _, l := range links {
			m[l.Tag+" "+l.Attr+" "+l.Rel+" "+l.Ref] = true
		}
		return set{title, base, slices.Sorted(maps.Keys(m))}
	}
	links, base, _ := Links(page, sel)
	scanned := collect(links, base, Title(page))
	doc := Parse(page)
	links, base, _ = doc.Links(sel)
	tree := collect(links, base, treeTitle(doc))
	var refs []string
	Refs(page, sel, func(ref string, _, _ bool) bool { refs = append(refs, ref); return true })
	links, _, _ = Links(page, sel)
	for i, l := range links {
		if i >= len(refs) || refs[i] != l.Ref {
			return "Refs and Links differ"
		}
	}
	return cmp.Diff(tree, scanned)
}

func treeTitle(doc *Node) string {
	for d := range doc.raw.Descendants() {
		if d.Data == "title" && d.Namespace == "" && d.FirstChild != nil {
			return Squeeze(wrap(d).Text())
		} else if d.Data == "title" && d.Namespace == "" {
			return ""
		}
	}
	return ""
}
